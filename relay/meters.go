package relay

import (
	"fmt"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/baton-relay/baton/relay/wire"
)

// meters count what a relay does, for /metrics. Nothing in them names a
// document or a person.
type meters struct {
	set     *metrics.Set
	ops     *metrics.Counter // accepted and durable
	commits *metrics.PrometheusHistogram
	batches *metrics.Counter
	frames  *metrics.Counter
	bytes   *metrics.Counter
}

func newMeters(s *Server) *meters {
	set := metrics.NewSet()
	set.NewGauge("baton_sessions", func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(len(s.sessions))
	})
	set.NewGauge("baton_rooms", func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(len(s.rooms))
	})
	set.NewGauge("baton_log_writable", func() float64 {
		if s.log.Health() != nil {
			return 0
		}
		return 1
	})
	return &meters{
		set:     set,
		ops:     set.NewCounter("baton_ops_total"),
		batches: set.NewCounter("baton_appends_total"),
		commits: set.NewPrometheusHistogramExt("baton_append_seconds", []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5}),
		frames:  set.NewCounter("baton_frames_sent_total"),
		bytes:   set.NewCounter("baton_bytes_sent_total"),
	}
}

func (m *meters) appended(ops int, took time.Duration) {
	m.ops.Add(ops)
	m.batches.Inc()
	m.commits.Update(took.Seconds())
}

func (m *meters) sent(frames, bytes int) {
	m.frames.Add(frames)
	m.bytes.Add(bytes)
}

func (m *meters) rejected(code wire.Code) {
	m.set.GetOrCreateCounter(fmt.Sprintf("baton_rejects_total{code=%q}", code)).Inc()
}

func (m *meters) closed(code int) {
	m.set.GetOrCreateCounter(fmt.Sprintf(`baton_closes_total{code="%d"}`, code)).Inc()
}

// serveMetrics answers in the text format of Prometheus.
func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.meters.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
}
