package relay

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/baton-relay/baton/relay/wire"
)

// meters count what a relay does, for /metrics. Nothing in them names a
// document or a person, and each label has a fixed, small set of values. What
// can be seen at any moment is not counted but looked at: see scrape.go. The
// table of all of them is docs/metrics.md.
type meters struct {
	serve http.Handler

	opsAccepted, opBytes, opsSent prometheus.Counter
	ackLatency, fanoutLatency     prometheus.Histogram
	batchOps, appendTime          prometheus.Histogram

	framesIn                       map[string]prometheus.Counter // by type; "" is all others
	bytesIn, framesSent, bytesSent prometheus.Counter

	presenceSent, presencePassed, eventsDropped prometheus.Counter

	rejects, refusals, closes, authFailures *prometheus.CounterVec

	handshakes, requests *prometheus.CounterVec
	requestTime          *prometheus.HistogramVec
	requesting           prometheus.Gauge
	hungUp, full         prometheus.Counter
}

// Why somebody was not let in, or had to go: the reasons of baton_auth_failures_total.
const (
	authToken       = "token"       // none that is valid came with a handshake or request
	authRight       = "right"       // a request without the right that it needs
	authOrigin      = "origin"      // a page, or a host name, that may not talk to this relay
	authFrame       = "frame"       // an auth frame whose token is not valid
	authSubject     = "subject"     // an auth frame with somebody else's token
	authExpired     = "expired"     // the token of a live session ended
	authRevoked     = "revoked"     // an operator cut the session or request
	authUnavailable = "unavailable" // tokens could not be checked
)

// Buckets. Acks and fan-out are told apart down to what a fast disk and a local
// network take; a sync to a disk in trouble takes seconds.
var (
	latencyBuckets = []float64{.0005, .001, .002, .003, .005, .0075, .01, .015, .02, .03, .05, .075, .1, .2, .5, 1, 2, 5, 10}
	requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	batchBuckets   = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096}
)

func newMeters(s *Server) *meters {
	reg := prometheus.NewRegistry()
	auto := promauto.With(reg)
	count := func(name, help string) prometheus.Counter {
		return auto.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	countBy := func(label, name, help string) *prometheus.CounterVec {
		return auto.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	spread := func(buckets []float64, name, help string) prometheus.Histogram {
		return auto.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := &meters{
		opsAccepted:   count("baton_ops_accepted_total", "Ops that came in and are durable."),
		opBytes:       count("baton_op_bytes_accepted_total", "Bytes of payload and ext in accepted ops."),
		opsSent:       count("baton_ops_sent_total", "Ops delivered to sessions: an op counts once for each that gets it."),
		ackLatency:    spread(latencyBuckets, "baton_ack_latency_seconds", "From an op's frame being read to the op being durable."),
		fanoutLatency: spread(latencyBuckets, "baton_fanout_latency_seconds", "From an op being durable to it being handed to a live reader's socket: measured for the oldest op of one frame in eight."),
		batchOps:      spread(batchBuckets, "baton_append_ops", "Ops in one append of a document to the log."),
		appendTime:    spread(latencyBuckets, "baton_append_duration_seconds", "How long the log takes for one append, its sync included."),

		bytesIn:    count("baton_received_bytes_total", "Bytes of frames received, without their heads."),
		framesSent: count("baton_frames_sent_total", "Frames sent to sessions."),
		bytesSent:  count("baton_sent_bytes_total", "Bytes of frames sent to sessions."),

		presenceSent:   count("baton_presence_frames_sent_total", "Presence frames sent to sessions."),
		presencePassed: count("baton_presence_passed_over_total", "Times that presence of a session waited because ops did. What changed is sent later."),
		eventsDropped:  count("baton_events_dropped_total", "Events not sent to a session that has too much to read."),

		rejects:      countBy("code", "baton_rejects_total", "Ops not taken, by code."),
		refusals:     countBy("code", "baton_refused_frames_total", "Frames answered with an error, by code."),
		closes:       countBy("code", "baton_closes_total", "Sessions that ended, by close code; 1006 is a connection that was lost."),
		authFailures: countBy("reason", "baton_auth_failures_total", "Times that somebody was not let in or had to go, by reason."),

		hungUp:     count("baton_connections_hung_up_total", "Connections ended before a request, as their address has or opens too many."),
		full:       count("baton_sessions_refused_total", "Handshakes refused, as there were as many sessions as there may be."),
		handshakes: countBy("status", "baton_handshakes_total", "WebSocket handshakes, by HTTP status; 101 is a session, 426 asked for no upgrade."),
		requests: auto.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_http_requests_total", Help: "HTTP requests answered, handshakes included, by route and class of status.",
		}, []string{"route", "status"}),
		requestTime: auto.NewHistogramVec(prometheus.HistogramOpts{
			Name: "baton_http_request_duration_seconds", Help: "How long answers to HTTP requests take, event streams and sessions aside, by route.", Buckets: requestBuckets,
		}, []string{"route"}),
		requesting: auto.NewGauge(prometheus.GaugeOpts{
			Name: "baton_http_requests_in_flight", Help: "HTTP requests being answered, event streams included.",
		}),
	}
	received := countBy("type", "baton_frames_received_total", "Frames received from sessions, by type; \"other\" is what cannot be read.")
	m.framesIn = map[string]prometheus.Counter{"": received.WithLabelValues("other")}
	for _, t := range []string{
		wire.TypeJoin, wire.TypeOps, wire.TypePresence, wire.TypeEvent, wire.TypeLeave, wire.TypePing, wire.TypeAuth,
	} {
		m.framesIn[t] = received.WithLabelValues(t)
	}
	auto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "baton_build_info", Help: "1; the label says which version this is.",
	}, []string{"version"}).WithLabelValues(s.cfg.Version).Set(1)
	reg.MustRegister(
		scrape{s},
		hooks{s.cfg.Webhooks},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	if lost := s.cfg.LogLinesLost; lost != nil {
		auto.NewCounterFunc(prometheus.CounterOpts{
			Name: "baton_log_lines_lost_total",
			Help: "Lines of this process' log that could not be written, as nobody reads its standard error any more or the disk is full.",
		}, func() float64 { return float64(lost()) })
	}
	// A scrape walks all rooms: a few at a time are enough.
	m.serve = promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 3})
	return m
}

// serveMetrics answers in the formats of Prometheus.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	s.meters.serve.ServeHTTP(w, r)
}

// received counts a frame of size bytes; f is nil where it could not be read.
func (m *meters) received(f *wire.Frame, size int) {
	c := m.framesIn[""]
	if f != nil {
		if known := m.framesIn[f.Type]; known != nil {
			c = known
		}
	}
	c.Inc()
	m.bytesIn.Add(float64(size))
}

// appended counts a batch that became durable at a time.
func (m *meters) appended(batch []pending, began, durable time.Time) {
	m.batchOps.Observe(float64(len(batch)))
	m.appendTime.Observe(durable.Sub(began).Seconds())
	m.opsAccepted.Add(float64(len(batch)))
	size := 0
	for i := range batch {
		p := &batch[i]
		size += p.size
		m.ackLatency.Observe(durable.Sub(p.came).Seconds())
	}
	m.opBytes.Add(float64(size))
}

// sent counts what one turn of a writer sent.
func (m *meters) sent(out *output, frames, bytes int) {
	m.framesSent.Add(float64(frames))
	m.bytesSent.Add(float64(bytes))
	if out.ops > 0 {
		m.opsSent.Add(float64(out.ops))
	}
	if out.presence > 0 {
		m.presenceSent.Add(float64(out.presence))
	}
	if !out.oldest.IsZero() {
		m.fanoutLatency.Observe(time.Since(out.oldest).Seconds())
	}
}

func (m *meters) rejected(code wire.Code) { m.rejects.WithLabelValues(string(code)).Inc() }

func (m *meters) refused(code wire.Code) { m.refusals.WithLabelValues(string(code)).Inc() }

func (m *meters) closed(code int) { m.closes.WithLabelValues(strconv.Itoa(code)).Inc() }

func (m *meters) authFailed(reason string) { m.authFailures.WithLabelValues(reason).Inc() }

// answered counts an HTTP request; a stream's duration says nothing.
func (m *meters) answered(route string, status int, took time.Duration, stream bool) {
	class := "none" // the client left before anything was said
	if status > 0 {
		class = strconv.Itoa(status/100) + "xx"
	}
	m.requests.WithLabelValues(route, class).Inc()
	if !stream {
		m.requestTime.WithLabelValues(route).Observe(took.Seconds())
	}
	if route == routeWS {
		m.handshakes.WithLabelValues(strconv.Itoa(status)).Inc()
	}
}

// routeWS is where handshakes go.
const routeWS = "/v1/ws"

// total returns what a counter stands at, or how often a histogram was asked to
// observe; of a vector all of it, by its label.
func total(c prometheus.Collector) map[string]uint64 {
	all := map[string]uint64{}
	ch := make(chan prometheus.Metric)
	go func() {
		c.Collect(ch)
		close(ch)
	}()
	for metric := range ch {
		var m dto.Metric
		if err := metric.Write(&m); err != nil {
			continue // only what promauto would have panicked on
		}
		label := ""
		for _, l := range m.GetLabel() {
			label = l.GetValue()
		}
		all[label] += uint64(m.GetCounter().GetValue()) + m.GetHistogram().GetSampleCount()
	}
	return all
}
