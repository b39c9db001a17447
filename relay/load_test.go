package relay

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/baton-relay/baton/oplog"
)

// unstableLog is a log whose first answer about a document is an error.
type unstableLog struct {
	oplog.Log
	asked atomic.Int32
	// asking is called before the first answer.
	asking func()
}

func (l *unstableLog) around(log oplog.Log) { l.Log = log }

// State implements [oplog.Log].
func (l *unstableLog) State(ctx context.Context, doc oplog.DocID) (oplog.State, error) {
	if l.asked.Add(1) == 1 {
		l.asking()
		return oplog.State{}, errors.New("test: the disk does not answer")
	}
	return l.Log.State(ctx, doc)
}

// A document that could not be loaded once is loaded by who comes next, though
// somebody still holds the room of the first attempt.
func TestFailedLoadIsTriedAgain(t *testing.T) {
	log := &unstableLog{}
	h := start(t, Config{Log: log})
	var held *room
	log.asking = func() {
		held = h.room("d")
		h.srv.hold(held)
	}
	l := h.listen("")
	l.send(`{"type":"join","doc":"d"}`)
	l.want("error unavailable")
	l.enter("d")
	l.want("live 0")
	l.ops("d", "a:1")
	l.want("ack a:1@1")
	h.srv.release(held)
	if h.room("d") == held {
		t.Error("the room that could not be loaded is still in use")
	}
	if got := log.asked.Load(); got != 2 {
		t.Errorf("the log was asked %d times, want 2", got)
	}
}
