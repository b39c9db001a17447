package conformance

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// pausedPeer connects a peer that takes next to nothing from its socket until
// resume is called. ops counts the ops that it heard.
func pausedPeer(t *testing.T, s *server, r *run, name string) (ops *atomic.Int64, resume func()) {
	t.Helper()
	dialer := websocket.Dialer{NetDial: func(network, address string) (net.Conn, error) {
		c, err := net.Dial(network, address)
		if err != nil {
			return nil, err
		}
		return c, c.(*net.TCPConn).SetReadBuffer(16 << 10)
	}}
	header := http.Header{"Authorization": {"Bearer " + s.Tokens["writer"]}}
	ws, _, err := dialer.DialContext(t.Context(), s.URL+"/v1/ws", header)
	if err != nil {
		t.Fatal(err)
	}
	ops = new(atomic.Int64)
	p := newPeer(func(dir Direction, frame []byte) {
		if dir == FromServer && typeOf(frame) == "ops" {
			ops.Add(int64(len(split(frame))))
		}
	})
	p.ws, p.stop = ws, func() { _ = ws.Close() }
	r.add(name, p)
	return ops, func() { go p.read() }
}

// pile is 8 MB of ops: far more than sockets and a relay's memory of the newest take.
const pile = `
A>*40 {"type":"ops","doc":"$doc","ops":[$each(20)<{"actor":"w$i","seq":$k,"clock":{},"payload":"$fill(10000)"}>]}
A<...ack {"type":"ack","actor":"w40","seq":20,"offset":"$head"}`

// R90: a reader that stops for a while is neither cut off nor given a gap,
// however much comes meanwhile. Frames stay small where ops are.
func TestSlowReader(t *testing.T) {
	s := serve(t, relayProgram(t))
	s.Wait = time.Minute // for all of the pile, on a machine with other work
	r := s.run(t)
	s.say(t, r, "A joins $doc")
	ops, resume := pausedPeer(t, s, r, "B")
	s.say(t, r, `B> {"type":"join","doc":"$doc","channels":["ops"]}`+pile)
	resume()
	s.say(t, r, `
B< {"type":"welcome"}
B< {"type":"joined","from":0}
B<...live {"type":"ops","ops":[{"actor":"w1","seq":1}]}
B<...ops,live {"type":"ops","ops":[{"offset":"$head","actor":"w40","seq":20}]}
B in order`)
	if got, want := ops.Load(), int64(40*20); got != want {
		t.Errorf("got %d ops after a pause, want %d", got, want)
	}
}

// R101: where a prune passes a reader, it is sent on to the snapshot.
func TestPrunedBelowReader(t *testing.T) {
	s := serve(t, relayProgram(t))
	s.Wait = time.Minute // for all of the pile, on a machine with other work
	r := s.run(t)
	s.say(t, r, "A joins $doc")
	ops, resume := pausedPeer(t, s, r, "B")
	s.say(t, r, strings.TrimSpace(pile)+`
B> {"type":"join","doc":"$doc","channels":["ops"],"since":{"clock":{"w1":1}}}
A> {"type":"ops","doc":"$doc","ops":[{"actor":"last","seq":1,"clock":{},"payload":1}]}
A<...ops,ack {"type":"ack","actor":"last","offset":"$last"}
PUT /v1/docs/$doc/snapshots/$head as compactor "all but the last" -> 201
POST /v1/docs/$doc/prune?before=$last as admin {} -> 200 {"first":"$last"}`)
	resume()
	s.say(t, r, `
B< {"type":"welcome"}
B< {"type":"joined","snapshot":"<absent>"}
B<...ops {"type":"snapshot","doc":"$doc","snapshot":{"offset":"$head","bytes":16}}
B< {"type":"ops","ops":[{"offset":"$last","actor":"last"}]}
B< {"type":"live"}`)
	if got := ops.Load(); got >= 40*20 {
		t.Errorf("got %d ops, want fewer: the rest was pruned", got)
	}
}
