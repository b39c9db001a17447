package relay

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// Pings of the WebSocket are answered, but not for one who never reads: after
// some of them it is not read any more.
func TestPingsWithoutReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{WriteTimeout: time.Hour})
		p := h.raw()
		const pings = 20_000
		var sent atomic.Int64
		go func() {
			for range pings {
				if _, err := p.Conn.Write([]byte(masked(0x89, strings.Repeat("p", 125)))); err != nil {
					return
				}
				sent.Add(1)
			}
		}()
		synctest.Wait()
		ses := h.srv.all()[0]
		ses.mu.Lock()
		if ses.saidBytes > 2*maxSaid || sent.Load() == pings {
			t.Errorf("%d bytes wait for a peer that reads nothing, after %d pings", ses.saidBytes, sent.Load())
		}
		ses.mu.Unlock()
		for n := 0; n < pings; {
			op, _, err := p.receive()
			if err != nil {
				t.Fatalf("after %d pongs: %v", n, err)
			}
			if op == opPong {
				n++
			}
		}
	})
}

var (
	_ = fmt.Sprint
	_ = runtime.GC
	_ wire.Limits
)
