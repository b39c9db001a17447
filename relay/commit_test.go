package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// hookedLog is a log whose calls pass through the test's functions, where they
// are set.
type hookedLog struct {
	oplog.Log
	append func(a oplog.Append) (oplog.Epoch, error)
	// Called after the log has answered.
	locate, snapshot, lookup func()
}

func (l *hookedLog) around(log oplog.Log) { l.Log = log }

// Append implements [oplog.Log].
func (l *hookedLog) Append(ctx context.Context, a oplog.Append) (oplog.Epoch, error) {
	if l.append != nil {
		return l.append(a)
	}
	return l.Log.Append(ctx, a)
}

// Locate implements [oplog.Log].
func (l *hookedLog) Locate(ctx context.Context, doc oplog.DocID, c clock.Vector) (oplog.Offset, error) {
	at, err := l.Log.Locate(ctx, doc, c)
	if l.locate != nil {
		l.locate()
	}
	return at, err
}

// Lookup implements [oplog.Log].
func (l *hookedLog) Lookup(ctx context.Context, doc oplog.DocID, dots []clock.Dot, visit func(*oplog.Entry) bool) error {
	err := l.Log.Lookup(ctx, doc, dots, visit)
	if l.lookup != nil {
		l.lookup()
	}
	return err
}

// Snapshot implements [oplog.Log].
func (l *hookedLog) Snapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset) (oplog.Snapshot, error) {
	s, err := l.Log.Snapshot(ctx, doc, at)
	if l.snapshot != nil {
		l.snapshot()
	}
	return s, err
}

// newGate returns a log with a gate, and what opens that. It must be called in
// the end, or the relay waits for ever.
func newGate() (log *gatedLog, open func()) {
	log = &gatedLog{arrived: make(chan struct{}, 10_000), gate: make(chan struct{})}
	return log, sync.OnceFunc(func() { close(log.gate) })
}

func TestNobodyHearsBeforeTheCommit(t *testing.T) {
	log, open := newGate()
	defer open()
	h := start(t, Config{Log: log})
	p, other := h.live("", "d"), h.live("", "d")
	p.ops("d", "a:1")
	<-log.arrived
	p.quiet()
	other.quiet()
	late, f := h.enter("", "d")
	if f.Head != 0 || f.Epoch != "" {
		t.Errorf("got head %d, epoch %q before the commit", f.Head, f.Epoch)
	}
	late.want("live 0")
	open()
	p.want("ack a:1@1")
	other.want("op a:1@1")
	late.want("op a:1@1")
}

// A copy waits for the commit of what it is a copy of; then it is answered in
// its op's place, like any known op. A forgery is refused at once.
func TestCopiesOfAnOpOnItsWay(t *testing.T) {
	log, open := newGate()
	defer open()
	h := start(t, Config{Log: log})
	p, copies, forger, mute := h.live("", "d"), h.live("", "d"), h.live("", "d"), h.listen("")
	mute.send(`{"type":"join","doc":"d","channels":["presence"]}`)
	mute.skipTo("presence")
	p.ops("d", "a:1")
	<-log.arrived
	p.ops("d", "a:2", "a:2", "a:1") // a:1 is in flight, a:2 waits behind it
	p.quiet()
	copies.ops("d", "a:1", "a:2", "a:2")
	mute.ops("d", "a:1")
	mute.quiet()
	forger.ops("d", "a:1=0", "a:2", "b:1{a:2}")
	forger.want("reject a:1 conflict", "reject a:2 conflict")
	for _, l := range []*listener{p, copies, forger, mute} {
		l.quiet()
	}
	open()
	p.wantAck("a:2@2")
	p.want("op b:1@3")
	var heard []string
	for line := ""; line != "op b:1@3"; heard = append(heard, line) {
		line = copies.line()
	}
	// Each ack comes behind its op; of two that come together the last is enough.
	if got := strings.Join(heard, ", "); got != "op a:1@1, ack a:1@1, op a:2@2, ack a:2@2, op b:1@3" && got != "op a:1@1, op a:2@2, ack a:2@2, op b:1@3" {
		t.Errorf("got %s", got)
	}
	forger.want("op a:1@1", "op a:2@2", "ack b:1@3")
	mute.want("ack a:1@1")
	for _, l := range []*listener{p, copies, forger, mute} {
		l.quiet()
	}
	r := h.room("d")
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.committing { // it ends behind the last answer
		r.settled.Wait()
	}
	if r.ahead.Clock.Len() != 0 {
		t.Errorf("ops are still on their way: %v", r.ahead.Clock)
	}
}

func TestWhatDependsOnAnOpOnItsWay(t *testing.T) {
	log, open := newGate()
	defer open()
	h := start(t, Config{Log: log})
	p, other := h.live("", "d"), h.live("", "d")
	p.ops("d", "a:1", "b:1{a:1}")
	<-log.arrived
	other.ops("d", "c:1{b:1}", "c:2{a:2}", "a:3")
	other.want("reject c:2 missing {a:2}", "reject a:3 gap 2")
	open()
	other.want("op a:1@1", "op b:1@2", "ack c:1@3")
	p.want("ack a:1@1", "ack b:1@2", "op c:1@3")
}

// When the log takes nothing, all that is on its way is answered, and sent again
// it is taken.
func TestUnavailable(t *testing.T) {
	arrived, gate := make(chan struct{}, 10), make(chan error)
	log := &hookedLog{}
	log.append = func(a oplog.Append) (oplog.Epoch, error) {
		arrived <- struct{}{}
		select {
		case err := <-gate:
			if err != nil {
				return "", err
			}
		case <-t.Context().Done(): // the test is over
		}
		return log.Log.Append(context.Background(), a)
	}
	h := start(t, Config{Log: log})
	p, copies := h.live("", "d"), h.live("", "d")
	p.ops("d", "a:1", "a:2")
	<-arrived
	copies.ops("d", "a:1", "b:1{a:2}")
	copies.quiet()
	gate <- fmt.Errorf("test: %w", oplog.ErrUnavailable)
	p.want("reject a:1 unavailable")
	f := p.wantFrame("reject")
	if f.Seq != 2 || f.Code != "unavailable" || f.RetryMS <= 0 {
		t.Errorf("got %s, want unavailable with retry_ms", f.raw)
	}
	copies.want("reject a:1 unavailable", "reject b:1 unavailable")
	p.quiet()
	h.want(404, "GET /v1/docs/d", "")
	p.ops("d", "a:1", "a:2")
	<-arrived
	gate <- nil
	p.want("ack a:2@2")
	copies.want("op a:1@1", "op a:2@2")
	for _, l := range []*listener{p, copies} {
		l.quiet()
		if ops, bytes := h.open(l); ops != 0 || bytes != 0 {
			t.Errorf("%d ops of %d bytes are open, want none", ops, bytes)
		}
	}
}

// What was refused as unavailable may be in the log all the same. Then it is
// heard as soon as the relay knows, and sending it again is harmless.
func TestUnavailableThoughWritten(t *testing.T) {
	log := &hookedLog{}
	fails := 2
	log.append = func(a oplog.Append) (oplog.Epoch, error) {
		epoch, err := log.Log.Append(context.Background(), a)
		if fails--; fails == 1 || fails == 0 && err == nil {
			return "", oplog.ErrUnavailable
		}
		return epoch, err
	}
	h := start(t, Config{Log: log})
	p, other := h.live("", "d"), h.live("", "d")
	p.ops("d", "a:1", "a:2")
	p.want("reject a:1 unavailable", "reject a:2 unavailable")
	p.ops("d", "a:1", "a:2")
	got := []string{p.line(), p.line(), p.line(), p.line()} // rejects have no place in the stream
	slices.Sort(got)
	if want := []string{"op a:1@1", "op a:2@2", "reject a:1 unavailable", "reject a:2 unavailable"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q in some order", got, want)
	}
	other.want("op a:1@1", "op a:2@2")
	p.ops("d", "a:1", "a:2", "a:3")
	p.wantAck("a:3@3")
	other.want("op a:3@3")
}
