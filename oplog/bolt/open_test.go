package bolt_test

import (
	"context"
	"testing"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// testLog is a log in a temporary directory. It is checked whenever it closes.
type testLog struct {
	*bolt.Log
	path string
	o    bolt.Options
}

// open opens a log that is checked and closed at the end of the test.
func open(t testing.TB, path string, o bolt.Options) *testLog {
	t.Helper()
	l := &testLog{path: path, o: o}
	l.open(t)
	t.Cleanup(func() { l.mustClose(t) })
	return l
}

func (l *testLog) open(t testing.TB) {
	t.Helper()
	log, err := bolt.Open(l.path, l.o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	l.Log = log
}

// mustClose checks the log while it is open and the file once it is closed.
func (l *testLog) mustClose(t testing.TB) {
	t.Helper()
	if l.Log == nil {
		return
	}
	if err := l.Check(context.Background(), func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
		t.Errorf("Check: %v", err)
	}
	if err := l.Log.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	l.Log = nil
	mustCheckFile(t, l.path)
}

func mustCheckFile(t testing.TB, path string) {
	t.Helper()
	if err := bolt.CheckFile(context.Background(), path, func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
		t.Errorf("CheckFile: %v", err)
	}
}

// Reopen implements [oplogtest.Reopener].
func (l *testLog) Reopen(t *testing.T) {
	t.Helper()
	l.mustClose(t)
	l.open(t)
}
