package running_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
)

// TestIdleSessionsLive leaves sessions and a stream of events alone behind each
// proxy, and finds the very same ones alive. Here it is quick, and so is the
// heart; with the relay's own heartbeat it is done by
//
//	BATON_IDLE=10m go test -run Idle -parallel 3 -timeout 20m -v ./docs/running
func TestIdleSessionsLive(t *testing.T) {
	idle, flags := 3*time.Second, []string{"--heartbeat", "500ms"}
	if long := os.Getenv("BATON_IDLE"); long != "" {
		var err error
		if idle, err = time.ParseDuration(long); err != nil {
			t.Fatal(err)
		}
		flags = nil
	}
	for _, px := range proxies {
		t.Run(px.name, func(t *testing.T) {
			t.Parallel()
			addr := "127.0.0.1:" + freePort(t)
			relayBehind(t, addr, t.TempDir(), tokenFile(t, 1), flags...)
			p := behind(t, px.command, addr)
			const n = 5
			var conns [n]*client.Conn
			var docs [n]*client.Doc
			var ids [n]string
			for i := range n {
				conn, err := client.Dial(t.Context(), site, p.options(t, secretToken(0)))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				conns[i], docs[i], ids[i] = conn, enter(t, conn, "idle"), conn.Welcome().Session
			}
			appendOp(t, docs[0], `"before"`)
			for _, d := range docs[1:] {
				wantOp(t, d, `"before"`)
			}
			events := p.openEvents(t, "idle")
			began := time.Now()
			<-time.After(idle)
			appendOp(t, docs[0], `"after"`)
			for _, d := range docs[1:] {
				wantOp(t, d, `"after"`)
			}
			for i, conn := range conns {
				if got := conn.Welcome().Session; got != ids[i] {
					t.Errorf("session %s is %s after %v: it was cut", ids[i], got, idle)
				}
			}
			for events.Scan() && !strings.Contains(events.Text(), `"after"`) {
			}
			if err := events.Err(); err != nil || !strings.Contains(events.Text(), `"after"`) {
				t.Errorf("the stream of events was cut: %v", err)
			}
			t.Logf("%d sessions and a stream of events idle for %v: all live on", n, time.Since(began).Round(time.Second))
		})
	}
}
