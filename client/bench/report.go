package bench

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is what came of a run. Rates and server figures are those of the
// window of Duration; every op that was due in it is followed to its end.
type Report struct {
	Config Config `json:"config"`

	Ops    uint64 `json:"ops"`    // written to a socket
	Unsent uint64 `json:"unsent"` // due, but the relay's socket took nothing for too long
	Acked  uint64 `json:"acked"`

	Deliveries Deliveries `json:"deliveries"`
	Slow       Deliveries `json:"slow_deliveries"` // to slow readers

	// Delivery counts from when an op was due until another participant read
	// it, Ack until its sender read the ack, Cursor until a state was read (the
	// first of each frame). Lag is how late the load itself was.
	Delivery Latency `json:"delivery"`
	Ack      Latency `json:"ack"`
	Cursor   Latency `json:"cursor"`
	Lag      Latency `json:"generator_lag"`

	Presence Presence `json:"presence"`

	// Drained is how long after the load the last delivery came.
	Drained time.Duration `json:"drained_ns"`
	// Refused counts rejects, errors and lost connections by what they said.
	Refused map[string]int `json:"refused,omitempty"`

	Server   *Server   `json:"server,omitempty"`
	Idle     *Idle     `json:"idle,omitempty"`
	LateJoin *LateJoin `json:"late_join,omitempty"`

	GOMAXPROCS int `json:"generator_gomaxprocs"`
}

// Deliveries counts ops at their readers. An op is expected at each participant
// of its room but its sender.
type Deliveries struct {
	Expected  uint64  `json:"expected"`
	Received  uint64  `json:"received"`
	Missing   uint64  `json:"missing"`
	Repeated  uint64  `json:"repeated"` // came again
	Skipped   uint64  `json:"skipped"`  // came before an earlier op of the same sender
	PerSecond float64 `json:"per_s"`
}

// Presence is what one reader got of it, on average.
type Presence struct {
	FramesPerS float64 `json:"frames_per_s_reader"`
	StatesPerS float64 `json:"states_per_s_reader"`
	BytesPerS  float64 `json:"bytes_per_s_reader"`
}

func (r *run) report(drained time.Duration) Report {
	t := &r.tally
	seconds := r.cfg.Duration.Seconds()
	expected, slow := r.expected()
	rep := Report{
		Config: r.cfg, Drained: drained, GOMAXPROCS: runtime.GOMAXPROCS(0),
		Ops: t.sent.Load(), Unsent: t.unsent.Load(), Acked: t.acked.Load(),
		Delivery: t.delivery.latency(), Ack: t.ack.latency(), Cursor: t.cursor.latency(), Lag: t.lag.latency(),
		Deliveries: deliveries(expected, t.received.Load()),
		Slow:       deliveries(slow, t.slowReceived.Load()),
	}
	rep.Deliveries.Repeated, rep.Deliveries.Skipped = t.repeated.Load(), t.skipped.Load()
	rep.Deliveries.PerSecond = float64(t.inWindow.Load()) / seconds
	if readers := float64(len(r.peers)); readers > 0 {
		rep.Presence = Presence{
			FramesPerS: float64(t.presenceFrames.Load()) / seconds / readers,
			StatesPerS: float64(t.presenceStates.Load()) / seconds / readers,
			BytesPerS:  float64(t.presenceBytes.Load()) / seconds / readers,
		}
	}
	t.mu.Lock()
	rep.Refused = maps.Clone(t.refused)
	t.mu.Unlock()
	return rep
}

func deliveries(expected, received uint64) Deliveries {
	return Deliveries{Expected: expected, Received: received, Missing: expected - min(expected, received)}
}

// OK reports whether the run lost nothing and was refused nothing.
func (r *Report) OK() bool {
	d, s := &r.Deliveries, &r.Slow
	return d.Missing+d.Repeated+d.Skipped+s.Missing+r.Unsent == 0 && r.Acked == r.Ops && len(r.Refused) == 0
}

// WriteText writes the report for a person.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s"+format+"\n", append([]any{name}, args...)...)
	}
	switch {
	case r.Idle != nil:
		i := r.Idle
		line("idle", "%d connections in %d rooms, opened in %.1f s, %d lost", i.Connections, r.Config.Rooms, i.Opening.Seconds(), i.Lost)
		if i.RSSEach != 0 {
			line("", "%.1f kB of the relay's memory each", float64(i.RSSEach)/1e3)
		}
	case r.LateJoin != nil:
		l := r.LateJoin
		line("late join", "%d ops, %.1f MB: median %s, min %s, max %s ms of %d joins",
			l.Ops, float64(l.Bytes)/1e6, millis(l.Median), millis(l.Min), millis(l.Max), r.Config.Joins)
	default:
		r.writeLoad(line)
	}
	r.writeServer(line)
	for _, what := range slices.Sorted(maps.Keys(r.Refused)) {
		line("refused", "%d × %s", r.Refused[what], what)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) writeLoad(line func(name, format string, args ...any)) {
	c, d := &r.Config, &r.Deliveries
	line("load", "%d rooms × %d, %d send %.0f op/s of %d B in all, %d cursors × %.0f Hz, %.0f s",
		c.Rooms, c.Participants, c.Senders, c.Rate, c.Payload, c.Cursors, c.CursorHz, c.Duration.Seconds())
	line("ops", "%d sent, %d acked, %d could not be sent", r.Ops, r.Acked, r.Unsent)
	line("deliveries", "%d of %d, %d missing, %d repeated, %d out of order; %.0f/s; the last %.2f s after the load",
		d.Received, d.Expected, d.Missing, d.Repeated, d.Skipped, d.PerSecond, r.Drained.Seconds())
	if c.Slow > 0 {
		line("slow", "%d readers at %d B/s: %d of %d, %d missing", c.Slow*c.Rooms, c.SlowBytes,
			r.Slow.Received, r.Slow.Expected, r.Slow.Missing)
	}
	line("ms", "%10s %10s %10s %10s", "p50", "p90", "p99", "max")
	latency := func(name string, l *Latency) {
		if l.Count > 0 {
			line(name, "%10s %10s %10s %10s", millis(l.P50), millis(l.P90), millis(l.P99), millis(l.Max))
		}
	}
	latency("  delivery", &r.Delivery)
	latency("  ack", &r.Ack)
	latency("  cursor", &r.Cursor)
	latency("  own lag", &r.Lag)
	if p := &r.Presence; p.FramesPerS > 0 {
		line("presence", "per reader %.1f frames/s, %.0f states/s, %.1f kB/s", p.FramesPerS, p.StatesPerS, p.BytesPerS/1e3)
	}
}

func (r *Report) writeServer(line func(name, format string, args ...any)) {
	s := r.Server
	if s == nil {
		return
	}
	if s.MicrosPerDeliv > 0 {
		line("relay", "%.2f µs CPU per delivery, %.0f %% of a core", s.MicrosPerDeliv, s.CPUPercent)
	}
	line("memory", "%.1f MB before, %.1f MB after, %.1f MB at most", float64(s.RSSBefore)/1e6, float64(s.RSSAfter)/1e6, float64(s.RSSPeak)/1e6)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1e6) }
