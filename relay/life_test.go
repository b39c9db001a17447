package relay

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// A peer gets the close frame however long it takes to read it, and whatever it
// sends before it does.
func TestCloseReachesAPeerThatIsSlowToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		l := h.listen("")
		h.session(l).close(wire.CloseRestart, "test")
		synctest.Wait()
		l.send(`{"type":"ping"}`)
		synctest.Wait()
		time.Sleep(time.Second)
		if code := l.closed(); code != wire.CloseRestart {
			t.Errorf("got %d, want %d", code, wire.CloseRestart)
		}
	})
}
