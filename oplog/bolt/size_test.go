package bolt

import (
	"testing"

	"github.com/baton-relay/baton/oplog/oplogtest"
)

// TestFree fills a log and empties it: the file stays as large, and its pages are free.
func TestFree(t *testing.T) {
	l, _ := openFated(t, logPath(t), Options{})
	mustAppend(t, l, "d", "", oplogtest.Ops("a", 1, 600)...)
	full, err := l.Free()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Delete(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, "e", "", oplogtest.Ops("a", 1, 1)...) // the sweep may be over by then, or not
	closeChecked(t, l)
	if _, err := l.Free(); err == nil {
		t.Error("got no error of a closed log")
	}
	l, _ = openFated(t, l.path, Options{})
	defer closeChecked(t, l)
	empty, err := l.Free()
	if err != nil {
		t.Fatal(err)
	}
	size, err := l.Size()
	if err != nil || empty <= full || empty >= size {
		t.Errorf("got %d bytes free of %d, %v, once the document is deleted; %d before", empty, size, err, full)
	}
}
