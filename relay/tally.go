package relay

import "github.com/baton-relay/baton/relay/wire"

// tally is what went one way in a session.
type tally struct{ ops, bytes uint64 }

func (t *tally) add(ops, bytes int) {
	t.ops += uint64(ops)
	t.bytes += uint64(bytes)
}

// received counts a frame from the client; f is nil where it could not be read.
func (s *session) received(f *wire.Frame, size int) {
	ops := 0
	if f != nil {
		ops = len(f.Ops)
	}
	s.got.add(ops, size)
	s.srv.meters.received(f, size)
}
