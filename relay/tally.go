package relay

import (
	"log/slog"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

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

// logEnd writes the one line that a session leaves in the log: who it was, what
// it did, and why it ended. The reader calls it when it is done.
func (s *session) logEnd() {
	s.mu.Lock()
	code, why, sent, joined, subject := s.code, s.why, s.sent, s.joined, s.identity.Subject
	s.mu.Unlock()
	switch {
	case s.peerDone && why == "":
		why = "closed by the client"
	case code == wire.CloseUnreadable:
		why = wire.ErrUnreadable.Error() // more of it would quote the frame
	}
	attrs := []slog.Attr{
		slog.String(logSession, s.id),
		slog.String(logRemote, s.addr.String()),
		slog.Int(logDocuments, joined),
		slog.Duration(logTook, time.Since(s.began).Round(time.Millisecond)),
		slog.Uint64(logOpsIn, s.got.ops), slog.Uint64(logBytesIn, s.got.bytes),
		slog.Uint64(logOpsOut, sent.ops), slog.Uint64(logBytesOut, sent.bytes),
		slog.Int(logCode, code), slog.String(logWhy, why),
	}
	if subject != "" {
		attrs = append(attrs, slog.String(logSubject, subject))
	}
	s.srv.slog.LogAttrs(s.srv.done, slog.LevelInfo, "session ended", attrs...)
}
