package relay

import (
	"cmp"
	"math"
	"net/http"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// status is how a relay stands at one moment, for its operator.
type status struct {
	Version  string `json:"version"`
	Started  int64  `json:"started"` // Unix ms, as all times here
	At       int64  `json:"at"`
	Ready    bool   `json:"ready"`
	Why      string `json:"why,omitempty"` // it is not ready
	Draining bool   `json:"draining"`

	Sessions int `json:"sessions"`
	roomSums
	Totals  statusTotals `json:"totals"`
	Go      statusGo     `json:"go"`
	Log     *statusLog   `json:"log,omitempty"`
	Busiest []roomStatus `json:"busiest"`
}

// roomSums is what the rooms add up to.
type roomSums struct {
	Rooms        int `json:"rooms"`
	Participants int `json:"participants"` // a session counts in each of its documents
	// CatchingUp are the readers that are being sent what is older than a room
	// keeps at hand, and Lag is by how many ops the slowest one is behind.
	CatchingUp int    `json:"catching_up"`
	Lag        uint64 `json:"lag"`
}

// statusTotals counts since the start.
type statusTotals struct {
	Ops       uint64            `json:"ops"` // durable
	Appends   uint64            `json:"appends"`
	FramesOut uint64            `json:"frames_out"`
	BytesOut  uint64            `json:"bytes_out"`
	Rejects   map[string]uint64 `json:"rejects"` // by code
	Closes    map[string]uint64 `json:"closes"`  // by close code
}

// statusGo is what the process takes, in the words of Go's runtime.
type statusGo struct {
	Version     string `json:"version"`
	Processors  int    `json:"processors"`
	Goroutines  uint64 `json:"goroutines"`
	MemoryBytes uint64 `json:"memory_bytes"` // held from the system
	HeapBytes   uint64 `json:"heap_bytes"`   // objects, dead ones that were not swept yet included
	GCCycles    uint64 `json:"gc_cycles"`
}

// statusLog is what the log takes.
type statusLog struct {
	Bytes int64 `json:"bytes"`
}

// roomStatus is how one room stands. Its rates look back a few seconds.
type roomStatus struct {
	Doc          oplog.DocID  `json:"doc"`
	Format       oplog.Format `json:"format,omitempty"` // none yet, before the first op
	Participants int          `json:"participants"`
	Head         oplog.Offset `json:"head"`
	OpsPerS      float64      `json:"ops_s"`
	BytesPerS    float64      `json:"bytes_s"` // of these ops, as JSON
	CatchingUp   int          `json:"catching_up"`
	Lag          uint64       `json:"lag"`
}

// maxBusiest is how many rooms a status tells of at most.
const maxBusiest = 100

// getStatus says how this relay stands. It takes the server's lock once, for a
// copy of the list of rooms, and then one room's at a time.
func (s *Server) getStatus(c *call) error {
	limit, err := c.limit()
	if err != nil {
		return err
	}
	if limit == 0 || limit > maxBusiest {
		limit = maxBusiest
	}
	answer(c.w, http.StatusOK, s.status(time.Now(), limit))
	return nil
}

func (s *Server) status(now time.Time, limit int) *status {
	st := &status{
		Version: s.cfg.Version, Started: s.started.UnixMilli(), At: now.UnixMilli(),
		Totals: s.meters.totals(), Go: goStatus(),
	}
	if why := s.unready(); why != nil {
		st.Why = why.Error()
	}
	st.Ready = st.Why == ""
	if log, ok := s.log.(interface{ Size() (int64, error) }); ok {
		if n, err := log.Size(); err == nil { // else it is left out
			st.Log = &statusLog{n}
		}
	}
	s.mu.Lock()
	st.Draining, st.Sessions = s.draining, len(s.sessions)
	s.mu.Unlock()
	rooms := make([]roomStatus, 0, 64)
	for _, r := range s.allRooms() {
		rooms = append(rooms, r.status(now))
	}
	st.roomSums = sum(rooms)
	slices.SortFunc(rooms, busier)
	st.Busiest = rooms[:min(limit, len(rooms))]
	return st
}

func sum(rooms []roomStatus) roomSums {
	sums := roomSums{Rooms: len(rooms)}
	for i := range rooms {
		sums.Participants += rooms[i].Participants
		sums.CatchingUp += rooms[i].CatchingUp
		sums.Lag = max(sums.Lag, rooms[i].Lag)
	}
	return sums
}

// busier orders rooms: where most comes in first, then where most people are.
func busier(a, b roomStatus) int {
	return cmp.Or(cmp.Compare(b.OpsPerS, a.OpsPerS), cmp.Compare(b.Participants, a.Participants), cmp.Compare(a.Doc, b.Doc))
}

func (r *room) status(now time.Time) roomStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	ops, bytes := r.activity.rates(now)
	st := roomStatus{
		Doc: r.doc, Format: r.state.Format, Participants: len(r.members), Head: r.state.Head,
		OpsPerS: round(ops), BytesPerS: round(bytes),
	}
	for _, m := range r.members {
		if !m.ops {
			continue
		}
		st.Lag = max(st.Lag, uint64(r.state.Head-min(m.pos, r.state.Head)))
		if m.pos < r.tail.before {
			st.CatchingUp++
		}
	}
	return st
}

// round keeps two decimals: below that, a rate is an old op fading out.
func round(rate float64) float64 { return math.Round(rate*100) / 100 }

func (m *meters) totals() statusTotals {
	return statusTotals{
		Ops: total(m.opsAccepted)[""], Appends: total(m.appendTime)[""],
		FramesOut: total(m.framesSent)[""], BytesOut: total(m.bytesSent)[""],
		Rejects: total(m.rejects), Closes: total(m.closes),
	}
}

// goStatus asks the runtime in a way that does not stop the program.
func goStatus() statusGo {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(samples)
	n := func(i int) uint64 { return samples[i].Value.Uint64() }
	return statusGo{
		Version: runtime.Version(), Processors: runtime.GOMAXPROCS(0),
		Goroutines: n(0), MemoryBytes: n(1) - n(2), HeapBytes: n(3), GCCycles: n(4),
	}
}
