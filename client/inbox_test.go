package client

import (
	"testing"

	"github.com/baton-relay/baton/oplog"
)

// A cut throws away what comes again, and keeps what would not.
func TestInboxCut(t *testing.T) {
	var in inbox
	refused := &Refused{Op: oplog.Op{}.Dot}
	in.put(item{joined: &frame{}})
	in.put(item{size: 100, ops: make([]oplog.Entry, 1)})
	in.reach(7)
	in.reach(9)
	in.put(item{size: 10, keep: true, update: Update{Refused: refused}})
	in.put(item{isLive: true, live: 9})
	if got, want := len(in.items), 5; got != want {
		t.Errorf("%d items wait, want %d: acks in a row are one", got, want)
	}
	drained := in.drained.next()
	in.cut()
	select {
	case <-drained:
	default:
		t.Error("the reader is not told that there is room")
	}
	it, ok := in.take()
	if !ok || it.update.Refused != refused || in.bytes != 0 {
		t.Errorf("after the cut comes %+v, %t, then %d bytes", it, ok, in.bytes)
	}
	if it, ok := in.take(); ok {
		t.Errorf("then comes %+v", it)
	}
}
