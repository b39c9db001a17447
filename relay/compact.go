package relay

import (
	"context"
	"errors"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// askAgain is how long a session that was asked for a snapshot has to store it.
// Then another is asked.
const askAgain = 30 * time.Second

// snapshots is what a room knows of its document's snapshots. It is guarded by
// room.mu.
type snapshots struct {
	newest oplog.Offset // of the newest snapshot, 0 if there is none
	asked  time.Time    // when a session was asked for one the last time
	asks   int          // how often one was
}

// compactor is what a member has to do with snapshots. It is guarded by room.mu.
type compactor struct {
	wrote oplog.Offset // of the newest op that its session brought
	turn  int          // which of the room's asks was the member's last
	// snapshotAt is the position at which the session is asked for a snapshot; 0
	// if it is not to be asked.
	snapshotAt oplog.Offset
}

// askForSnapshot asks one session that may store snapshots for one, once
// CompactEvery ops have followed the newest snapshot. Sessions are asked in
// turn, and first the one that wrote last: it is there, and has the document.
func (r *room) askForSnapshot() {
	if r.state.Head < r.snapshots.newest+oplog.Offset(r.srv.cfg.CompactEvery) {
		return
	}
	now := time.Now()
	if now.Sub(r.snapshots.asked) < askAgain {
		return
	}
	var next *member
	for _, m := range r.members {
		if m.live && m.ops && m.rights.Has(auth.Compact) && (next == nil || m.before(&next.compactor)) {
			next = m
		}
	}
	if next == nil {
		return
	}
	r.snapshots.asks++
	r.snapshots.asked = now
	next.turn, next.snapshotAt = r.snapshots.asks, r.state.Head
	next.wake()
}

// before reports whether a member is asked before another one.
func (c *compactor) before(other *compactor) bool {
	if c.turn != other.turn {
		return c.turn < other.turn
	}
	return c.wrote > other.wrote
}

// sayCompact asks the session for a snapshot, if it is to be asked and has got
// all that the snapshot holds, its own acks included.
func (m *member) sayCompact(out *output) {
	if m.snapshotAt == 0 || m.pos < m.snapshotAt {
		return
	}
	out.say(&wire.DocFrame{Type: wire.TypeCompact, Doc: m.doc, Offset: m.snapshotAt})
	m.snapshotAt = 0
}

// newestSnapshot returns the offset of a document's newest snapshot, 0 if there
// is none.
func (s *Server) newestSnapshot(ctx context.Context, doc oplog.DocID) (oplog.Offset, error) {
	newest, err := s.log.Snapshot(ctx, doc, 0)
	if errors.Is(err, oplog.ErrNotFound) {
		return 0, nil
	}
	return newest.Offset, err
}

// snapshotsChanged tells the room of a document, if it is open, which snapshot
// is the newest now.
func (s *Server) snapshotsChanged(doc oplog.DocID) {
	s.mu.Lock()
	r := s.rooms[doc]
	s.mu.Unlock()
	if r == nil {
		return
	}
	// The change is made, whether or not its caller is still there.
	newest, err := s.newestSnapshot(context.Background(), doc)
	if err != nil {
		s.slog.Error("find newest snapshot", logDocument, doc, logError, err)
		return
	}
	r.mu.Lock()
	r.snapshots.newest = newest
	r.mu.Unlock()
}
