package relay

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-relay/baton/oplog"
)

// scrape shows how things stand at the moment they are asked for. It looks at
// each member of each room once, under the room's lock, as every append does
// too: what a scrape costs a room is what one more op would.
type scrape struct{ srv *Server }

// sized is a log that knows how large it is.
type sized interface {
	Size() (int64, error) // bytes in use or free
	Free() (int64, error) // those of them that hold nothing
}

// describe makes the description of a gauge without labels.
func describe(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

var (
	descSessions     = describe("baton_sessions", "Sessions that are open.")
	descLimit        = describe("baton_sessions_limit", "Sessions that there may be in all; 0 is no limit.")
	descRooms        = describe("baton_rooms", "Documents that somebody is in or is asking for.")
	descParticipants = describe("baton_participants", "Sessions in documents: one in three documents counts three times.")
	descCatchUp      = describe("baton_catchup_readers", "Participants that read from the log, being behind what is kept in memory.")
	descLagSum       = describe("baton_reader_lag_ops", "Ops that participants have yet to be sent, all together.")
	descLagMax       = describe("baton_reader_lag_max_ops", "Ops that the one who is furthest behind has yet to be sent.")
	descIncoming     = describe("baton_incoming_bytes", "Memory of frames that have begun to come and are not whole yet.")
	descWritable     = describe("baton_log_writable", "1 while the log takes ops, else 0.")
	descDraining     = describe("baton_draining", "1 once this node is going, else 0.")
	descLogSize      = describe("baton_log_size_bytes", "Size of the log, free pages included.")
	descLogFree      = describe("baton_log_free_bytes", "Bytes of the log's free pages, which new ops fill first.")
)

// truth is a gauge of something that is so or not.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// Describe implements [prometheus.Collector].
func (c scrape) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descSessions, descLimit, descRooms, descParticipants, descCatchUp, descLagSum, descLagMax, descIncoming, descWritable, descDraining,
	} {
		ch <- d
	}
	if _, ok := c.srv.log.(sized); ok {
		ch <- descLogSize
		ch <- descLogFree
	}
}

// Collect implements [prometheus.Collector].
func (c scrape) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	s := c.srv
	s.mu.Lock()
	sessions := len(s.sessions)
	s.mu.Unlock()
	rooms := s.allRooms()
	var all census
	for _, r := range rooms {
		r.countIn(&all)
	}
	gauge(descSessions, float64(sessions))
	gauge(descLimit, float64(s.cfg.MaxSessions))
	gauge(descRooms, float64(len(rooms)))
	gauge(descParticipants, float64(all.participants))
	gauge(descCatchUp, float64(all.behind))
	gauge(descLagSum, float64(all.lag))
	gauge(descLagMax, float64(all.maxLag))
	gauge(descIncoming, float64(s.incoming.Load()))
	gauge(descWritable, truth(s.log.Health() == nil))
	gauge(descDraining, truth(s.isDraining()))
	log, ok := s.log.(sized)
	if !ok {
		return
	}
	// A log that is closed has no size any more; the rest is still worth telling.
	if n, err := log.Size(); err == nil {
		gauge(descLogSize, float64(n))
	}
	if n, err := log.Free(); err == nil {
		gauge(descLogFree, float64(n))
	}
}

// census is who is in rooms, and how far behind.
type census struct {
	participants int
	behind       int          // read from the log
	lag, maxLag  oplog.Offset // ops to be sent
}

// countIn adds a room.
func (r *room) countIn(all *census) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all.participants += len(r.members)
	for _, m := range r.members {
		if !m.ops || m.pos >= r.state.Head {
			continue
		}
		lag := r.state.Head - m.pos
		all.lag += lag
		all.maxLag = max(all.maxLag, lag)
		if m.pos < r.tail.before {
			all.behind++
		}
	}
}
