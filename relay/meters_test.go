package relay

import (
	"bytes"
	"fmt"
	"maps"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// TestMetricsPassPromtool has the judge of Prometheus read what is exposed.
func TestMetricsPassPromtool(t *testing.T) {
	h := start(t, Config{Version: "1.2.3"})
	p := h.join("", "d")
	p.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":3,"clock":{},"payload":1}]}`)
	p.await(`"reject"`)
	text := h.exposed()
	promtool := exec.Command("promtool", "check", "metrics")
	promtool.Stdin = bytes.NewReader([]byte(text))
	if said, err := promtool.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, said)
	}
}

// exposed returns the metrics, whoever may see them.
func (h *harness) exposed() string {
	w := httptest.NewRecorder()
	h.srv.serveMetrics(w, h.request("GET /metrics", ""))
	return w.Body.String()
}

// metrics returns what is exposed, by name and labels.
func (h *harness) metrics() map[string]float64 {
	h.t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(h.exposed()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if err != nil {
			h.t.Fatal(err)
		}
		all[line[:at]] = v
	}
	return all
}

func (h *harness) wantMetrics(want map[string]float64) {
	h.t.Helper()
	all := h.metrics()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got, ok := all[name]; got != want[name] || !ok && want[name] != 0 {
			h.t.Errorf("got %s %v, want %v", name, got, want[name])
		}
	}
}

// Two are in a document: one writes, and both do what they may not.
func TestMetersCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{Auth: people{"ann": {"*": auth.Read | auth.Write | auth.Presence}, "bob": {"*": auth.Read}}})
		ann, bob := h.join("ann", "d"), h.join("bob", "d")
		go func() { // bob reads all there is
			for {
				if _, err := bob.next(); err != nil {
					return
				}
			}
		}()
		for seq := range 16 {
			ann.send(fmt.Sprintf(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":%d,"clock":{},"payload":"1234"}]}`, seq+1))
			ann.await(`"ack"`)
		}
		ann.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":18,"clock":{},"payload":1},{"actor":"b","seq":1,"clock":{"x":1},"payload":1}]}`)
		ann.await(`"missing"`)
		ann.send(`{"type":"presence","doc":"d","state":{}}`)
		ann.send(`{"type":"presence","doc":"nowhere","state":{}}`)
		ann.await(`"not_joined"`)
		ann.send(`{"type":"nonsense"}`)
		ann.await(`"unknown_type"`)
		bob.send(`{"type":"event","doc":"d","name":"n","data":1}`)
		ann.send(`{"type":"auth","token":"bob"}`)
		if code := ann.closed(); code != wire.CloseForbidden {
			t.Errorf("got %d, want %d", code, wire.CloseForbidden)
		}
		h.want(401, "GET /v1/docs/d", "")
		h.wantAs("bob", 403, "POST /v1/docs/d/ops", `[]`)
		h.do("GET /v1/ws", "", "Authorization: Bearer bob")
		h.do("GET /healthz", "", "Origin: https://elsewhere.example")
		synctest.Wait()
		h.wantMetrics(map[string]float64{
			"baton_sessions": 1, "baton_rooms": 1, "baton_participants": 1, "baton_log_writable": 1, "baton_draining": 0, "baton_incoming_bytes": 0,
			"baton_ops_accepted_total": 16, "baton_op_bytes_accepted_total": 16 * 6, "baton_ops_sent_total": 16,
			"baton_ack_latency_seconds_count": 16, "baton_append_ops_sum": 16, "baton_append_duration_seconds_count": 16,
			`baton_frames_received_total{type="ops"}`: 17, `baton_frames_received_total{type="presence"}`: 2,
			`baton_frames_received_total{type="other"}`: 1, `baton_frames_received_total{type="join"}`: 2,
			`baton_rejects_total{code="gap"}`: 1, `baton_rejects_total{code="missing"}`: 1,
			`baton_refused_frames_total{code="not_joined"}`: 1, `baton_refused_frames_total{code="unknown_type"}`: 1,
			`baton_refused_frames_total{code="forbidden"}`: 1, `baton_closes_total{code="4403"}`: 1,
			`baton_auth_failures_total{reason="subject"}`: 1, `baton_auth_failures_total{reason="token"}`: 1,
			`baton_auth_failures_total{reason="right"}`: 1, `baton_auth_failures_total{reason="origin"}`: 1,
			`baton_handshakes_total{status="101"}`: 2, `baton_handshakes_total{status="426"}`: 1,
			`baton_http_requests_total{route="/v1/docs/{doc}/ops",status="4xx"}`: 1,
			`baton_http_requests_total{route="/healthz",status="4xx"}`:           1,
			`baton_http_request_duration_seconds_count{route="/v1/docs/{doc}"}`:  1, "baton_http_requests_in_flight": 0,
		})
		got := h.metrics()
		// Of the frames with ops for bob one in eight is measured.
		if n := got["baton_fanout_latency_seconds_count"]; n != 2 {
			t.Errorf("got %v measurements of the fan-out of 16 ops, want 2", n)
		}
		if got["baton_presence_frames_sent_total"] == 0 || got["baton_received_bytes_total"] == 0 || got["baton_sent_bytes_total"] == 0 {
			t.Errorf("got no presence, or no bytes: %v", got)
		}
		if got := total(h.srv.meters.rejects); got["gap"] != 1 || got["missing"] != 1 || len(got) != 2 {
			t.Errorf("got rejects %v, want a gap and one missing", got)
		}
		if h.metrics()["baton_log_size_bytes"] <= h.metrics()["baton_log_free_bytes"] {
			t.Errorf("got a log of %v bytes, of which %v are free", got["baton_log_size_bytes"], got["baton_log_free_bytes"])
		}
	})
}

// One that takes nothing is seen to lag, and to read from the log once the tail
// has gone on without it.
func TestLagIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		h.join("", "d") // reads nothing from here on
		h.write("d", "a", 1, 10, 1000)
		synctest.Wait()
		got := h.metrics()
		if lag := got["baton_reader_lag_max_ops"]; lag < 5 || lag > 10 || got["baton_reader_lag_ops"] != lag || got["baton_catchup_readers"] != 0 {
			t.Errorf("got a lag of %v of %v, and %v reading from the log; want up to ten, and none", lag, got["baton_reader_lag_ops"], got["baton_catchup_readers"])
		}
		h.write("d", "a", 11, 3000, 1000)
		synctest.Wait()
		if got := h.metrics(); got["baton_catchup_readers"] != 1 || got["baton_reader_lag_max_ops"] < 3000 {
			t.Errorf("got %v reading from the log, %v behind; want one, 3000", got["baton_catchup_readers"], got["baton_reader_lag_max_ops"])
		}
	})
}

// One that takes nothing gets no more events, and presence only after its ops.
func TestWhatWaitsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		lazy, other := h.join("", "d"), h.join("", "d")
		h.write("d", "a", 1, 200, 1000)
		other.send(`{"type":"presence","doc":"d","state":{"x":1}}`)
		time.Sleep(100 * time.Millisecond) // a round
		for range 5 {
			if _, err := lazy.next(); err != nil {
				t.Fatal(err)
			}
		}
		for range 40 {
			h.want(204, "POST /v1/docs/d/events", `{"name":"n","data":"`+strings.Repeat("x", 15<<10)+`"}`)
		}
		synctest.Wait()
		got := h.metrics()
		if n := got["baton_presence_passed_over_total"]; n == 0 {
			t.Error("got no presence passed over for ops")
		}
		// Two are there, and nobody reads: what is queued at most is 256 KiB for each.
		if n := got["baton_events_dropped_total"]; n < 40 || n > 60 {
			t.Errorf("got %v events dropped of 40 for two, want about 45", n)
		}
	})
}

// BenchmarkMeters is what the meters of a delivery, an op and a frame cost.
func BenchmarkMeters(b *testing.B) {
	m := newMeters(&Server{log: nil})
	now := time.Now()
	b.Run("delivery", func(b *testing.B) {
		out := &output{ops: 1}
		b.ReportAllocs()
		for frame := 0; b.Loop(); frame++ {
			if out.oldest = (time.Time{}); frame%fanoutEvery == 0 {
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

// BenchmarkScrape is a room of 10,000, seen by a scrape: how long its lock is
// held, beside what each append holds it for to see how far all have read.
func BenchmarkScrape(b *testing.B) {
	r := &room{state: oplog.State{Span: oplog.Span{Head: 1000}}}
	for i := range 10_000 {
		r.members = append(r.members, &member{ops: true, pos: oplog.Offset(i % 1001)})
	}
	b.Run("scrape", func(b *testing.B) {
		for b.Loop() {
			var all census
			r.countIn(&all)
		}
	})
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			r.passed()
		}
	})
}
