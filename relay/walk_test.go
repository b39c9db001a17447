package relay

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// walker is a client that does what the protocol's page tells clients to do, and
// holds the relay to it: it folds the ops that it hears, and nothing may be
// missing, come twice or come too early. It cuts its connections when it likes.
type walker struct {
	t    *testing.T
	h    *harness
	name string
	rnd  *rand.Rand

	// What it would keep on disk.
	epoch  string
	offset int
	have   map[string]int
	actor  string   // a new one in each epoch
	made   int      // ops of actor
	outbox []string // those not acked, as they were sent

	// Of the connection.
	ws     *websocket.Conn
	frames chan heard
	live   bool
	head   int
}

func (w *walker) fail(format string, args ...any) {
	w.t.Errorf("%s at %d of %s: %s", w.name, w.offset, w.epoch, fmt.Sprintf(format, args...))
}

// connect connects and joins.
func (w *walker) connect() {
	ws, _, err := w.h.dialer.DialContext(w.t.Context(), "ws"+strings.TrimPrefix(w.h.url, "http")+"/v1/ws", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ws, w.frames, w.live = ws, make(chan heard), false
	go func() {
		defer close(w.frames)
		for {
			_, b, err := ws.ReadMessage()
			if err != nil {
				return
			}
			w.frames <- parseFrame(w.t, string(b))
		}
	}()
	var since []string
	by := w.rnd.IntN(3)
	if w.epoch != "" && by != 0 {
		since = append(since, fmt.Sprintf(`"epoch":%q,"offset":%d`, w.epoch, w.offset))
	}
	if by != 1 || w.epoch == "" {
		var clock []string
		for a, seq := range w.have {
			clock = append(clock, fmt.Sprintf("%q:%d", a, seq))
		}
		since = append(since, `"clock":{`+strings.Join(clock, ",")+`}`)
	}
	w.send(`{"type":"join","doc":"d","channels":["ops"],"since":{` + strings.Join(since, ",") + `}}`)
}

func (w *walker) send(frames ...string) {
	for _, frame := range frames {
		_ = w.ws.WriteMessage(websocket.TextMessage, []byte(frame)) // reading tells when it is gone
	}
}

// cut ends the connection, in the middle of whatever comes.
func (w *walker) cut() {
	if w.ws != nil {
		w.ws.Close()
		for range w.frames {
		}
		w.ws = nil
	}
}

// write makes an op. Its clock names what was heard since the one before, or all.
func (w *walker) write() {
	w.made++
	clock := maps.Clone(w.have)
	delete(clock, w.actor)
	spec := fmt.Sprintf(`%s:%d%s="%s"`, w.actor, w.made, brief(clock), strings.Repeat("x", w.rnd.IntN(3000)))
	w.outbox = append(w.outbox, opsOf("d", spec))
	w.send(w.outbox[len(w.outbox)-1])
}

// hear takes a frame in. It reports false when the connection is over.
func (w *walker) hear(f heard, ok bool) bool {
	if !ok {
		return false
	}
	switch f.Type {
	case "welcome", "compact":
	case "joined":
		w.joined(f)
	case "ops":
		for i := range f.Ops {
			w.op(&f.Ops[i])
		}
	case "ack":
		w.advance(f.Offset, false)
		w.acked(f.Seq)
	case "live":
		w.advance(f.Offset, false)
		w.live = true
	case "snapshot":
		w.load(f.Snapshot.Offset)
	case "left":
		return false
	case "reject":
		if f.Code != "closed" { // it is just being deleted
			w.fail("got %s", f.raw)
		}
		return false
	case "error":
		if f.Code != "unavailable" { // the document is just being deleted
			w.fail("got %s", f.raw)
		}
		return false
	default:
		w.fail("got %s", f.raw)
	}
	return true
}

func (w *walker) joined(f heard) {
	if w.epoch == "" && f.Lost == nil {
		w.epoch = f.Epoch // it was there before the first op
	}
	if f.Epoch != w.epoch || f.Lost != nil {
		// A new document. A person would be asked about the outbox.
		w.epoch, w.offset, w.have, w.made, w.outbox = f.Epoch, 0, map[string]int{}, 0, nil
		w.actor = fmt.Sprintf("%s-%d", w.name, w.rnd.Uint32())
	}
	w.head = f.Head
	if f.Snapshot != nil {
		w.load(f.Snapshot.Offset)
	}
	w.send(w.outbox...)
}

// load takes the snapshot at an offset for what is in it.
func (w *walker) load(at int) {
	meta := w.h.do(fmt.Sprintf("GET /v1/docs/d/snapshots/%d/meta", at), "")
	if meta.status != http.StatusOK {
		return // the document was deleted; the relay is about to say so
	}
	for a, seq := range parseFrame(w.t, meta.body).Clock {
		w.have[a] = max(w.have[a], seq)
	}
	w.advance(at, false)
	w.acked(w.have[w.actor])
}

func (w *walker) op(o *heardOp) {
	w.advance(o.Offset, true)
	if o.Actor == w.actor {
		// An op of its own, of an earlier connection. Its place may be before those
		// whose acks the cut took: they are in the outbox still.
		if o.Seq > w.made {
			w.fail("got %s:%d at %d, and made %d", o.Actor, o.Seq, o.Offset, w.made)
		}
		w.acked(o.Seq)
		return
	}
	if o.Seq != w.have[o.Actor]+1 {
		w.fail("got %s:%d at %d, have %s:%d", o.Actor, o.Seq, o.Offset, o.Actor, w.have[o.Actor])
	}
	for a, seq := range o.Clock {
		if mine := a == w.actor && seq <= w.made; !mine && w.have[a] < seq { // acks of its own may come together
			w.fail("got %s:%d at %d, which names %s:%d; have %d", o.Actor, o.Seq, o.Offset, a, seq, w.have[a])
		}
	}
	w.have[o.Actor] = o.Seq
}

// advance notes a place in the stream: an op, or what comes between ops.
func (w *walker) advance(at int, op bool) {
	if op && at <= w.offset && w.live {
		w.fail("got an op at %d behind %d", at, w.offset)
	}
	w.offset = max(w.offset, at)
}

func (w *walker) acked(seq int) {
	first := w.made - len(w.outbox) + 1
	if n := seq - first + 1; n > 0 {
		w.outbox = w.outbox[min(n, len(w.outbox)):]
	}
	if seq > w.have[w.actor] {
		w.have[w.actor] = seq
	}
}

// walk goes on until stop is closed, and then until it has everything.
func (w *walker) walk(stop <-chan struct{}) {
	for {
		w.connect()
		for on := true; on; {
			select {
			case f, ok := <-w.frames:
				on = w.hear(f, ok)
				if w.rnd.IntN(8) == 0 {
					time.Sleep(time.Duration(w.rnd.IntN(300)) * time.Millisecond)
				}
			case <-time.After(time.Duration(w.rnd.IntN(50)) * time.Millisecond):
			}
			select {
			case <-stop:
				if w.live && len(w.outbox) == 0 && w.offset >= w.head {
					return
				}
				continue
			default:
			}
			if on && w.live && w.rnd.IntN(3) == 0 {
				w.write()
			}
			on = on && w.rnd.IntN(60) > 0
		}
		w.cut()
	}
}

// meddle stores snapshots, prunes and, now and then, deletes.
func meddle(h *harness, rnd *rand.Rand, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rnd.IntN(2000)) * time.Millisecond):
		}
		info := h.do("GET /v1/docs/d", "")
		if info.status != http.StatusOK {
			continue
		}
		f := parseFrame(h.t, info.body)
		at := f.First + rnd.IntN(max(1, f.Head-f.First))
		switch rnd.IntN(12) {
		case 0:
			h.do("DELETE /v1/docs/d", "")
		case 1, 2, 3:
			h.do(fmt.Sprintf("PUT /v1/docs/d/snapshots/%d", at), "blob", "Content-Type: "+typeOctets)
		case 4, 5:
			h.do(fmt.Sprintf("PUT /v1/docs/d/snapshots/%d", at), "blob", "Content-Type: "+typeOctets)
			h.do(fmt.Sprintf("POST /v1/docs/d/prune?before=%d", at), "")
		}
	}
}

// However connections break, documents are pruned and deleted, and clients come
// back by offset or by clock: nobody misses an op, gets one twice, or before one
// that it builds on.
func TestAnyWalkIsComplete(t *testing.T) {
	for range 2 {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			t.Log("seed", seed)
			h := patientRelay(t)
			stop, still := make(chan struct{}), make(chan struct{})
			var all, meddling sync.WaitGroup
			var walkers []*walker
			for n := range 5 {
				w := &walker{t: t, h: h, name: fmt.Sprintf("w%d", n), rnd: rand.New(rand.NewPCG(seed, uint64(n))), have: map[string]int{}}
				w.actor = w.name
				walkers = append(walkers, w)
				all.Go(func() { w.walk(stop) })
			}
			meddling.Go(func() { meddle(h, rand.New(rand.NewPCG(seed, 99)), still) })
			time.Sleep(10 * time.Second)
			close(still)
			meddling.Wait()
			time.Sleep(2 * time.Second)
			close(stop)
			all.Wait()
			// All have what they wrote; a moment later, what the others wrote too.
			f := parseFrame(t, h.want(200, "GET /v1/docs/d", "").body)
			for _, w := range walkers {
				for w.offset < f.Head {
					if next, ok := <-w.frames; !w.hear(next, ok) {
						break
					}
				}
				if !maps.Equal(w.have, f.Clock) {
					w.fail("has %v, want %v", brief(w.have), brief(f.Clock))
				}
				w.cut()
			}
			h.leaveAll()
		})
	}
}
