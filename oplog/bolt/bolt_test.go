package bolt_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "log.db")
	l, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var epoch oplog.Epoch
	const n = 600
	for i := range n {
		epoch, err = l.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{{Op: oplog.Op{
			Dot:     clock.Dot{Actor: clock.Actor(fmt.Sprint("actor", i%3)), Seq: uint64(i/3 + 1)},
			Payload: []byte(`{"some":"payload"}`),
		}}}})
		if err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
	if _, err := bolt.Open(path, bolt.Options{}); !errors.Is(err, oplog.ErrInUse) {
		t.Errorf("opened a log that is open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = bolt.Open(path, bolt.Options{}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var got oplog.Offset
	span, err := l.Read(t.Context(), "d", epoch, 0, func(e *oplog.Entry) bool {
		got = e.Offset
		return true
	})
	if err != nil || got != n || span != (oplog.Span{Epoch: epoch, First: 1, Head: n}) {
		t.Errorf("read up to %d, %+v, %v", got, span, err)
	}
}
