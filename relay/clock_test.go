package relay

import (
	"testing"
	"time"
	"unsafe"
)

// stepped returns t with its wall clock reading moved by d, as if that clock had
// been set, and its monotonic reading unchanged.
func stepped(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	moved := at
	// The first word of a time with a monotonic reading has the seconds of the wall
	// clock in bits 30 to 62.
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(int64(d/time.Second)) << 30
	if wall, mono := moved.Round(0).Sub(at.Round(0)), moved.Sub(at); wall != d || mono != 0 {
		t.Fatalf("moved the wall clock by %v and the monotonic clock by %v, want %v and 0", wall, mono, d)
	}
	return moved
}

// A wall clock that is set forward ends no session. One that is set back keeps no
// session from being pinged, and no silent one from being ended.
func TestWallClockIsSet(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		const beat = 10 * time.Minute
		h := start(t, Config{Heartbeat: beat})
		h.srv.stop() // the test does the work of watch
		h.srv.watcher.Wait()
		p := h.raw()
		p.wantText("welcome")
		s, began := h.srv.all()[0], time.Now()
		s.checkLife(stepped(t, began, step))
		if s.isEnding() {
			t.Errorf("a step of %v ended a session that was heard a moment ago", step)
			continue
		}
		s.checkLife(stepped(t, began.Add(beat), step))
		if op, _, err := p.receive(); op != opPing || err != nil {
			t.Errorf("after a step of %v and a heartbeat: got opcode %d, %v; want a ping", step, op, err)
		}
		s.checkLife(stepped(t, began.Add(2*beat+time.Second), step))
		if !s.isEnding() {
			t.Errorf("after a step of %v and two silent heartbeats the session goes on", step)
		}
	}
}
