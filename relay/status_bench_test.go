package relay

import (
	"fmt"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// BenchmarkStatus is what a status costs where 10,000 participants are in 2,000
// rooms. "busy" is the worst case of one lock: all of them in one room.
func BenchmarkStatus(b *testing.B) {
	for name, rooms := range map[string]int{"rooms=2000": 2000, "rooms=1": 1} {
		b.Run(name, func(b *testing.B) {
			srv, _ := benchRelay(b, func(l oplog.Log) oplog.Log { return l })
			for i := range 10_000 {
				doc := oplog.DocID(fmt.Sprintf("board-%d", i%rooms))
				r := srv.rooms[doc]
				if r == nil {
					r = &room{srv: srv, doc: doc}
					srv.rooms[doc] = r
				}
				r.members = append(r.members, &member{room: r, doc: doc, ops: true})
			}
			defer clear(srv.rooms)
			for b.Loop() {
				srv.status(time.Now(), maxBusiest)
			}
			b.ReportMetric(float64(longestHold(srv).Microseconds()), "µs-longest-lock")
		})
	}
}

// longestHold returns the longest that any lock is held for a status.
func longestHold(srv *Server) time.Duration {
	began := time.Now()
	rooms := srv.allRooms()
	longest := time.Since(began)
	for _, r := range rooms {
		began = time.Now()
		r.status(began)
		longest = max(longest, time.Since(began))
	}
	return longest
}
