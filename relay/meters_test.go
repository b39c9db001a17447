package relay

import (
	"bytes"
	"os/exec"
	"testing"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// TestMetricsPassPromtool has the judge of Prometheus read what is exposed.
func TestMetricsPassPromtool(t *testing.T) {
	h := start(t, Config{Version: "1.2.3"})
	p := h.join("", "d")
	p.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"clock":{},"payload":1},{"actor":"a","seq":3,"clock":{},"payload":1}]}`)
	p.await(`"reject"`)
	h.want(404, "GET /v1/nothing", "")
	got := h.do("GET /metrics", "")
	promtool := exec.Command("promtool", "check", "metrics")
	promtool.Stdin = bytes.NewReader([]byte(got.body+"\n"))
	if said, err := promtool.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, said)
	}
}

// BenchmarkMeters is what the meters of a delivery, an op and a frame cost.
func BenchmarkMeters(b *testing.B) {
	m := newMeters(&Server{log: nil})
	now := time.Now()
	b.Run("delivery", func(b *testing.B) {
		out := &output{ops: 1}
		b.ReportAllocs()
		for turn := 0; b.Loop(); turn++ {
			if out.oldest = (time.Time{}); turn%fanoutEvery == 0 {
				out.oldest = now
			}
			m.sent(out, 1, 200)
		}
	})
	b.Run("op", func(b *testing.B) {
		batch := []pending{{size: 120, came: now}}
		b.ReportAllocs()
		for b.Loop() {
			m.appended(batch, now, now.Add(time.Millisecond))
		}
	})
	b.Run("frame", func(b *testing.B) {
		f := &wire.Frame{Type: wire.TypeOps}
		b.ReportAllocs()
		for b.Loop() {
			m.received(f, 200)
		}
	})
}
