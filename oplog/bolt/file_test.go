package bolt

import (
	"os"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog/oplogtest"
)

// TestOpenTakesWhatIsThere replaces a log, as Restore does, while Open waits for
// the lock of the old one. What is appended must be in the file that has the name.
func TestOpenTakesWhatIsThere(t *testing.T) {
	for range 20 {
		path, other := logPath(t), logPath(t)
		for _, p := range []string{path, other} {
			l, err := Open(p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			closeChecked(t, l)
		}
		hold, err := openFile(path, readable())
		if err != nil {
			t.Fatal(err)
		}
		opened := make(chan *Log)
		go func() {
			l, err := Open(path, Options{})
			if err != nil {
				t.Error(err)
			}
			opened <- l
		}()
		<-time.After(lockTimeout / 10) // it opens the old file meanwhile; if not, nothing is lost
		if err := os.Link(path, path+".old"); err != nil {
			t.Fatal(err)
		}
		if err := place(other, path, true); err != nil {
			t.Fatal(err)
		}
		if err := hold.Close(); err != nil {
			t.Fatal(err)
		}
		l := <-opened
		if l == nil {
			return
		}
		mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
		closeChecked(t, l)
		if l, err = Open(path, Options{}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.State(t.Context(), "d"); err != nil {
			t.Errorf("what was appended is in a file that was replaced: %v", err)
		}
		closeChecked(t, l)
	}
}
