package relay

import (
	"net"
	"sync"
	"time"
)

// The states of a session's writer.
const (
	writerIdle    = iota // no goroutine
	writerWriting        // a goroutine looks for something to write
	writerWoken          // the same, and there is more since it began to look
)

// wake has the session write what there is for it.
func (s *session) wake() {
	if s.writer.Swap(writerWoken) == writerIdle {
		go s.writing()
	}
}

// write sends what there is, until there is no more.
func (s *session) write() {
	for {
		s.writer.Store(writerWriting)
		for s.writeOnce() {
		}
		if s.writer.CompareAndSwap(writerWriting, writerIdle) {
			return
		}
	}
}

// output is what one turn of a writer sends, in one system call where possible.
type output struct {
	frames net.Buffers
	bytes  int
	// Of what the frames hold: ops, frames of presence, and when the oldest op for
	// a live reader became durable; zero if there is none.
	ops, presence int
	oldest        time.Time
	// settled ops are answered by these frames.
	settled, settledBytes int
	last                  bool // the close frame is among them

	entries []tailEntry // scratch of member.sendOps
	page    []tailEntry // scratch of member.nextPage
}

var outputs = sync.Pool{New: func() any { return new(output) }}

func (o *output) add(f []byte) {
	o.frames = append(o.frames, f)
	o.bytes += len(f)
}

// addOps adds a frame that holds a number of ops. The first became durable at
// since; zero where that is not to be measured.
func (o *output) addOps(f []byte, ops int, since time.Time) {
	o.add(f)
	o.ops += ops
	if !since.IsZero() && (o.oldest.IsZero() || since.Before(o.oldest)) {
		o.oldest = since
	}
}

func (o *output) say(frame any) { o.add(textFrame(frame)) }

// writeOnce sends one turn: answers first, then ops with their acks, then
// presence where no op waits. It reports whether there may be more.
func (s *session) writeOnce() bool {
	out := outputs.Get().(*output)
	members := s.takeSaid(out)
	more := false
	if !out.last {
		more = s.gather(out, members)
	}
	frames, bytes := out.frames, out.bytes
	var err error
	if len(frames) > 0 {
		err = s.conn.send(frames)
		s.srv.meters.sent(out, len(frames), bytes)
		more = true
	}
	s.wrote(out, bytes)
	last := out.last
	clear(frames[:cap(frames)])
	*out = output{frames: frames[:0], entries: out.entries, page: out.page}
	outputs.Put(out)
	if err != nil {
		s.lost(err.Error())
		return false
	}
	if last {
		s.finish()
		return false
	}
	return more
}

// takeSaid moves the queued answers to out, and the close frame behind them.
func (s *session) takeSaid(out *output) []*member {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.said {
		out.add(f)
	}
	clear(s.said)
	s.said = s.said[:0]
	if cap(s.said) > 64 {
		s.said = nil
	}
	if s.ending != nil {
		if !s.ended && len(s.ending) > 0 {
			out.add(s.ending)
		}
		out.last = true
		s.ended = true
	}
	return s.members
}

// gather adds what the session's documents have for it. It reports whether one
// of them moved on without having anything to send.
func (s *session) gather(out *output, members []*member) (moved bool) {
	ops := false
	s.turn++ // each turn begins with another document: none holds up the rest
	for i := range members {
		if out.bytes > maxTurn {
			ops = true
			break
		}
		if members[(s.turn+i)%len(members)].next(out) {
			ops = true
		}
	}
	for _, m := range members {
		m.nextStates(out, ops)
	}
	return ops
}

// maxTurn is how much a turn gathers before it is sent.
const maxTurn = 256 << 10

// wrote settles what was sent.
func (s *session) wrote(out *output, bytes int) {
	if bytes == 0 && out.settled == 0 {
		return
	}
	s.mu.Lock()
	s.sent.add(out.ops, bytes)
	s.saidBytes = 0
	for _, f := range s.said {
		s.saidBytes += len(f)
	}
	s.open -= out.settled
	s.openBytes -= out.settledBytes
	s.room.Signal()
	s.mu.Unlock()
}

// finish follows the close frame. The connection ends once the reader is done
// too: closing at once could take the last frames from the peer.
func (s *session) finish() {
	s.mu.Lock()
	s.writeDone = true
	done := s.readDone
	s.mu.Unlock()
	if half, ok := s.conn.Conn.(interface{ CloseWrite() error }); ok && !done {
		_ = half.CloseWrite() // an error here means that it is closed already
		return
	}
	s.conn.Conn.Close()
}
