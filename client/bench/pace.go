package bench

import (
	"context"
	"time"
)

// stream is one kind of thing that comes due at a steady rate, spread over the
// peers in turn.
type stream struct {
	start  int64 // nanoseconds since the run began
	period float64
	peers  []*peer
	cursor bool
	// step is how long to sleep at least: what comes due meanwhile is sent in one go.
	step int64
	n    int
}

// cursorStep keeps the waiting for thousands of cursors from taking the very
// time in which ops are to be sent and read.
const cursorStep = int64(time.Millisecond)

func (s *stream) next() int64 { return s.start + int64(float64(s.n)*s.period) }

// pace hands out what is due, from start to the end of the window.
func (r *run) pace(ctx context.Context, start int64) error {
	sleeper, err := newSleeper()
	if err != nil {
		return err
	}
	defer sleeper.close()
	streams := r.streams(start)
	until := r.until.Load()
	for ctx.Err() == nil {
		now, next := r.now(), until
		for _, s := range streams {
			for s.next() <= now && s.next() < until {
				r.assign(s)
			}
			next = min(next, max(s.next(), now+s.step))
		}
		if now >= until {
			return nil
		}
		// Short enough to notice the end of ctx.
		if err := sleeper.sleep(min(time.Duration(next-r.now()), 100*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) streams(start int64) []*stream {
	all := []*stream{
		{start: start, peers: r.first(r.cfg.Senders), period: r.cfg.Rate},
		{start: start, peers: r.first(r.cfg.Cursors), cursor: true, step: cursorStep},
	}
	all[1].period = r.cfg.CursorHz * float64(len(all[1].peers))
	running := all[:0]
	for _, s := range all {
		if s.period > 0 && len(s.peers) > 0 {
			s.period = float64(time.Second) / s.period
			running = append(running, s)
		}
	}
	return running
}

// first returns the first n participants of each room, in an order in which
// neighbours are of different rooms.
func (r *run) first(n int) (peers []*peer) {
	for i := range n {
		for room := range r.cfg.Rooms {
			peers = append(peers, r.peers[room*r.cfg.Participants+i])
		}
	}
	return peers
}

// assign gives the next thing of a stream to the peer whose turn it is.
func (r *run) assign(s *stream) {
	t := task{due: s.next(), cursor: s.cursor}
	select {
	case s.peers[s.n%len(s.peers)].due <- t:
	default:
		if !t.cursor && t.due >= r.from.Load() {
			r.tally.unsent.Add(1)
		}
	}
	s.n++
}
