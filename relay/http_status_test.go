package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

// status asks for the status as somebody with the right.
func (h *harness) status(token, query string) (st status) {
	h.t.Helper()
	got := h.wantAs(token, 200, "GET /v1/admin/status"+query, "")
	if err := json.Unmarshal([]byte(got.body), &st); err != nil {
		h.t.Fatalf("read %.400s: %v", got.body, err)
	}
	return st
}

func TestStatusNeedsAdminInEveryDocument(t *testing.T) {
	h := start(t, Config{Auth: people{
		"root": {"*": auth.All}, "ann": {"*": auth.All &^ auth.Admin}, "bob": {"*": auth.Read, "board-b": auth.All}, "cat": {},
	}})
	for token, want := range map[string]int{"": 401, "nobody": 401, "cat": 403, "ann": 403, "bob": 403, "root": 200} {
		h.wantAs(token, want, "GET /v1/admin/status", "")
	}
	for _, query := range []string{"?limit=0", "?limit=-1", "?limit=x"} {
		h.wantAs("root", 400, "GET /v1/admin/status"+query, "")
	}
	if got := h.wantAs("root", 405, "POST /v1/admin/status", "{}"); got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %v", got.header)
	}
}

func TestStatusTellsWhatIs(t *testing.T) {
	before := time.Now().UnixMilli()
	h := start(t, Config{Version: "1.2.3"})
	writer, reader := h.join("", "d"), h.join("", "d")
	reader.send(`{"type":"join","doc":"other"}`)
	reader.await(`"joined"`)
	const op = `{"actor":"a","seq":%d,"clock":{},"payload":"0123456789"}`
	for seq := 1; seq <= 3; seq++ {
		writer.send(fmt.Sprintf(`{"type":"ops","doc":"d","ops":[`+op+`]}`, seq))
		writer.await(`"ack"`)
		reader.await(`"ops"`)
	}
	writer.send(fmt.Sprintf(`{"type":"ops","doc":"d","ops":[`+op+`]}`, 9))
	writer.await(`"gap"`)

	st := h.status("", "")
	if st.Version != "1.2.3" || st.Started < before || st.At < st.Started || !st.Ready || st.Draining || st.Why != "" {
		t.Errorf("got %+v", st)
	}
	if st.Sessions != 2 || st.Rooms != 2 || st.Participants != 3 || st.Lag != 0 || st.CatchingUp != 0 {
		t.Errorf("got %d sessions, %+v; want 2 sessions, 2 rooms, 3 participants, nobody behind", st.Sessions, st.roomSums)
	}
	if st.Totals.Ops != 3 || st.Totals.Appends != 3 || st.Totals.Rejects["gap"] != 1 || len(st.Totals.Rejects) != 1 {
		t.Errorf("got totals %+v, want 3 ops in 3 appends, 1 gap", st.Totals)
	}
	if st.Totals.FramesOut < 10 || st.Totals.BytesOut < st.Totals.FramesOut*20 {
		t.Errorf("got totals %+v, want the frames that both have got, and their bytes", st.Totals)
	}
	if st.Go.Goroutines < 2 || st.Go.HeapBytes < 1000 || st.Go.MemoryBytes < st.Go.HeapBytes || st.Go.Version == "" || st.Go.Processors < 1 {
		t.Errorf("got %+v of the process", st.Go)
	}
	size, err := h.log.Size()
	if err != nil || st.Log == nil || st.Log.Bytes != size {
		t.Errorf("got %+v of the log, want the %d bytes it has (%v)", st.Log, size, err)
	}
	if len(st.Busiest) != 2 {
		t.Fatalf("got rooms %+v", st.Busiest)
	}
	d, other := st.Busiest[0], st.Busiest[1]
	if d.Doc != "d" || d.Format != "json" || d.Head != 3 || d.Participants != 2 || d.OpsPerS <= 0 || d.OpsPerS > .6 || d.BytesPerS < d.OpsPerS*40 {
		t.Errorf("got %+v, want 3 ops of two participants, at a rate of about 3 in 5 s", d)
	}
	if other != (roomStatus{Doc: "other", Participants: 1}) {
		t.Errorf("got %+v of a document without ops", other)
	}

	writer.ws.Close()
	reader.send(`{"type":"leave","doc":"d"}`)
	reader.await(`"left"`)
	h.until("the writer is gone", func() bool {
		st = h.status("", "")
		return st.Sessions == 1 && st.Rooms == 1 && st.Participants == 1
	})
}

// until asks again until ok says so.
func (h *harness) until(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestStatusIsBounded(t *testing.T) {
	h := start(t, Config{})
	p := h.dial("")
	q := h.dial("")
	const rooms = 2*maxBusiest + 20
	for i := range rooms {
		who := []*peer{p, q}[i%2]
		if i%50 == 0 {
			p, q = h.dial(""), h.dial("")
			who = p
		}
		who.send(fmt.Sprintf(`{"type":"join","doc":"d%03d"}`, i))
		who.await(`"joined"`)
	}
	h.write("d150", "a", 1, 5, 1)
	h.write("d210", "a", 1, 2, 1)
	q.send(`{"type":"join","doc":"d200"}`)
	q.await(`"joined"`)
	docs := func(st status) (names []string) {
		for _, r := range st.Busiest {
			names = append(names, string(r.Doc))
		}
		return names
	}
	for _, tt := range []struct {
		query string
		want  int
	}{{"", maxBusiest}, {"?limit=100000", maxBusiest}, {"?limit=4", 4}} {
		st := h.status("", tt.query)
		if got := docs(st); len(got) != tt.want || !slices.Equal(got[:4], []string{"d150", "d210", "d200", "d000"}) {
			t.Errorf("%q: got %q, want %d rooms, those with most ops first, then those with most participants", tt.query, got, tt.want)
		}
		if st.Rooms != rooms || st.Participants != rooms+1 {
			t.Errorf("%q: got %+v, want the sums of all %d rooms", tt.query, st.roomSums, rooms)
		}
	}
	if size := len(h.do("GET /v1/admin/status", "").body); size > 32<<10 {
		t.Errorf("an answer has %d bytes", size)
	}
}

// A reader that takes nothing falls behind, and the status says so.
func TestStatusShowsWhoIsBehind(t *testing.T) {
	h := start(t, Config{})
	slow := h.join("", "d")
	payload := `"` + strings.Repeat("x", 64<<10) + `"`
	const step = 16
	next := uint64(1)
	h.until("the reader is behind what the room keeps", func() bool {
		var ops []string
		for range step {
			ops = append(ops, fmt.Sprintf(`{"actor":"a","seq":%d,"clock":{},"payload":%s}`, next, payload))
			next++
		}
		for _, op := range ops {
			h.want(200, "POST /v1/docs/d/ops", "["+op+"]")
		}
		st := h.status("", "")
		return st.CatchingUp == 1 && st.Lag > 4 && st.Busiest[0].CatchingUp == 1 && st.Busiest[0].Lag == st.Lag
	})
	go func() {
		for {
			if _, err := slow.next(); err != nil {
				return
			}
		}
	}()
	h.until("it has caught up", func() bool {
		st := h.status("", "")
		return st.CatchingUp == 0 && st.Lag == 0
	})
}

func TestStatusSaysWhyNotReady(t *testing.T) {
	log := &faultyLog{}
	h := start(t, Config{Log: log})
	if st := h.status("", ""); !st.Ready || st.Log != nil {
		t.Errorf("got %+v of a log that cannot say its size", st)
	}
	log.err = errors.New("the disk is full")
	if st := h.status("", ""); st.Ready || st.Why != "the disk is full" || st.Draining {
		t.Errorf("got %+v of a log that takes nothing", st)
	}
	log.err = nil
	h.srv.admitNoMore()
	if st := h.status("", ""); st.Ready || st.Why == "" || !st.Draining {
		t.Errorf("got %+v of a relay that goes", st)
	}
}

// Rates tell of the last seconds: what goes on evenly is told as it is, and what
// is over is soon forgotten.
func TestActivity(t *testing.T) {
	var a activity
	now := time.UnixMilli(1767225600000)
	if ops, bytes := a.rates(now); ops != 0 || bytes != 0 {
		t.Errorf("got %v ops, %v bytes before anything", ops, bytes)
	}
	for range 600 { // a minute, ten times a second
		now = now.Add(100 * time.Millisecond)
		a.note(now, 2, 300)
	}
	if ops, bytes := a.rates(now); ops < 19 || ops > 21 || bytes < 2850 || bytes > 3150 {
		t.Errorf("got %v ops, %v bytes a second, want 20 and 3000", ops, bytes)
	}
	if ops, _ := a.rates(now.Add(-time.Hour)); ops > 21 {
		t.Errorf("got %v ops a second when the clock was set back", ops)
	}
	if ops, bytes := a.rates(now.Add(time.Minute)); round(ops) != 0 || round(bytes) > .1 {
		t.Errorf("got %v ops, %v bytes a second a minute later", ops, bytes)
	}
}

// While a room waits for the disk, the status is told without waiting for it.
func TestStatusDoesNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &gatedLog{arrived: make(chan struct{}, 1), gate: make(chan struct{})}
		h := startInBubble(t, Config{Log: log})
		p := h.join("", "d")
		p.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"clock":{},"payload":1}]}`)
		<-log.arrived
		if st := h.status("", ""); st.Totals.Ops != 0 || st.Busiest[0].Head != 0 {
			t.Errorf("got %+v before anything was durable", st)
		}
		log.open()
		p.await(`"ack"`)
		if st := h.status("", ""); st.Totals.Ops != 1 || st.Busiest[0].Head != 1 {
			t.Errorf("got %+v after one op", st)
		}
	})
}
