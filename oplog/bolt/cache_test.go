package bolt

import (
	"errors"
	"testing"

	"go.etcd.io/bbolt"
)

// A document that could not be loaded once is loaded by who asks next, though
// somebody has the first attempt pinned still.
func TestFailedLoadIsTriedAgain(t *testing.T) {
	c := newCache(1 << 20)
	fails := errors.New("test: the disk does not answer")
	first := c.pin("d")
	c.pin("d") // somebody else
	if err := first.ensure(func(func(*bbolt.Tx) error) error { return fails }); !errors.Is(err, fails) {
		t.Fatalf("got %v, want %v", err, fails)
	}
	c.unpin(first)
	second := c.pin("d")
	if err := second.ensure(func(func(*bbolt.Tx) error) error { return nil }); err != nil {
		t.Errorf("the second load: got %v", err)
	}
	c.unpin(first) // somebody else is done: the second stays
	if got := c.pin("d"); got != second {
		t.Error("the document that was loaded is gone though it is pinned")
	}
}
