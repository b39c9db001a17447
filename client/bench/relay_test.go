package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// fakeRelay is the least that these loads need of a relay: rooms that keep
// their ops in memory and send each to all but its sender.
type fakeRelay struct {
	mu    sync.Mutex
	rooms map[string]*fakeRoom
	// mangle, unless nil, says how often each op is sent to each reader.
	mangle func(op string) int
}

type fakeRoom struct {
	ops     []string
	members []*fakeMember
}

type fakeMember struct {
	mu sync.Mutex
	ws *websocket.Conn
	id string
}

func (m *fakeMember) send(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...))
}

func startFake(t *testing.T) (*fakeRelay, string) {
	t.Helper()
	f := &fakeRelay{rooms: map[string]*fakeRoom{}}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, srv.URL
}

func (f *fakeRelay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path != "/v1/ws" {
		http.NotFound(w, req)
		return
	}
	up := websocket.Upgrader{Subprotocols: []string{"baton.v1"}}
	ws, err := up.Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	m := &fakeMember{ws: ws, id: ws.RemoteAddr().String()}
	m.send(`{"type":"welcome","session":%q,"replace":"r","heartbeat_ms":25000,"limits":{"frame_bytes":1048576,"ops_per_frame":50}}`, m.id)
	m.mu.Lock()
	_ = ws.WriteControl(websocket.PingMessage, []byte("hello"), noDeadline)
	m.mu.Unlock()
	for {
		var frame fakeFrame
		if ws.ReadJSON(&frame) != nil {
			return
		}
		f.handle(m, &frame)
	}
}

type fakeFrame struct {
	Type, Doc string
	Ops       []json.RawMessage
	State     json.RawMessage
}

func (f *fakeRelay) handle(m *fakeMember, frame *fakeFrame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	room := f.rooms[frame.Doc]
	if room == nil {
		room = &fakeRoom{}
		f.rooms[frame.Doc] = room
	}
	switch frame.Type {
	case "join":
		m.send(`{"type":"joined","doc":%q,"epoch":"e","head":%d,"first":1,"from":0,"access":["read","write","presence"]}`, frame.Doc, len(room.ops))
		for page := range slices.Chunk(room.ops, 100) {
			m.send(`{"type":"ops","doc":%q,"ops":[%s]}`, frame.Doc, strings.Join(page, ","))
		}
		m.send(`{"type":"live","doc":%q,"offset":%d}`, frame.Doc, len(room.ops))
		room.members = append(room.members, m)
	case "ops":
		f.append(m, room, frame)
	case "presence":
		for _, other := range room.members {
			other.send(`{"type":"presence","doc":%q,"states":{%q:{"state":%s}}}`, frame.Doc, m.id, frame.State)
		}
	}
}

func (f *fakeRelay) append(m *fakeMember, room *fakeRoom, frame *fakeFrame) {
	var last struct {
		Actor string
		Seq   uint64
	}
	for _, raw := range frame.Ops {
		if err := json.Unmarshal(raw, &last); err != nil {
			panic(err)
		}
		room.ops = append(room.ops, fmt.Sprintf(`{"offset":%d,%s`, len(room.ops)+1, string(raw)[1:]))
		for _, other := range room.members {
			times := 1
			switch {
			case other == m:
				times = 0
			case f.mangle != nil:
				times = f.mangle(string(raw))
			}
			for range times {
				other.send(`{"type":"ops","doc":%q,"ops":[%s]}`, frame.Doc, room.ops[len(room.ops)-1])
			}
		}
	}
	m.send(`{"type":"ack","doc":%q,"actor":%q,"seq":%d,"offset":%d}`, frame.Doc, last.Actor, last.Seq, len(room.ops))
}
