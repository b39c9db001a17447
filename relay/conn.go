package relay

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a session's socket. It notes every sign of life, and lets a write
// take as long as the peer keeps taking bytes.
//
// gorilla/websocket reads through it. What that library would say by itself (a
// pong, a close, a protocol error) is left unsaid after the handshake: the
// session says it, in its place in the stream, so that one goroutine writes at
// a time and a frame that many sessions share goes out as the bytes it is.
type conn struct {
	net.Conn // static
	// patience is how long the peer may take no byte at all; static.
	patience time.Duration
	// made is when the connection was taken over; static. Times are measured from
	// there by the monotonic clock: the wall clock may be set.
	made time.Time
	// raw reads the socket without waiting, nil where there is none to ask;
	// static. try is a bound readNow.
	raw syscall.RawConn
	try func(fd uintptr) bool
	// sealed says that a write that ends in its middle ends the connection, as one
	// over TLS does; static.
	sealed bool

	upgraded atomic.Bool  // the handshake is done
	heard    atomic.Int64 // when the last byte came or went: a [time.Duration] since made
	sending  atomic.Bool  // frames other than a ping are on their way: patience counts

	// owned by the reader
	buffered *bufio.Reader // what gorilla reads from
	ahead    *readAhead    // bytes read before buffered asked for them, nil if none
	readErr  error
	// inMessage counts the bytes since a message or a ping ended, of which there
	// may be as many as most: a message of endless empty fragments has no length.
	inMessage, most int
	watched         bool // by parking

	nudging sync.Mutex
	nudged  bool // the read deadline is that of nudge; guarded by nudging

	abandoned atomic.Bool // set by abandon, until the reader sees it

	// owned by the writer
	deadline time.Time   // the write deadline in force
	frames   net.Buffers // what is being sent
}

// readAhead is a buffer that a connection has only while there is something
// in it.
type readAhead struct {
	rest  []byte // the unread part of bytes
	bytes [4 << 10]byte
}

var readAheads = sync.Pool{New: func() any { return new(readAhead) }}

// bufferBytes is what an idle session keeps for reading. gorilla takes over no
// smaller buffer.
const bufferBytes = 264

func newConn(c net.Conn, patience time.Duration, most int) *conn {
	w := &conn{Conn: c, patience: patience, most: most, made: time.Now()}
	w.buffered = bufio.NewReaderSize(w, bufferBytes)
	// Only sockets themselves: what lies on top of one (TLS) has bytes of its own.
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			w.raw, w.try = raw, w.readNow
		}
	}
	_, w.sealed = c.(*tls.Conn)
	w.alive()
	return w
}

func (c *conn) alive() { c.heard.Store(int64(time.Since(c.made))) }

// silence returns for how long no byte had come or gone at a time.
func (c *conn) silence(now time.Time) time.Duration {
	return now.Sub(c.made) - time.Duration(c.heard.Load())
}

// await blocks until there is something to read, or an error to be had by
// reading, or until it is nudged, which it reports. A session that is idle waits
// here: without a buffer, and on a stack so shallow that the smallest will do.
func (c *conn) await() (nudged bool) {
	if c.raw == nil || c.ahead != nil || c.readErr != nil || c.buffered.Buffered() > 0 {
		return false
	}
	err := c.raw.Read(c.try)
	if c.wasNudged(err) {
		return true
	}
	if err != nil {
		c.readErr = err
	}
	return false
}

// nudge ends await, and nothing else. It may be called by anyone.
func (c *conn) nudge() {
	c.nudging.Lock()
	defer c.nudging.Unlock()
	c.nudged = true
	_ = c.SetReadDeadline(longAgo) // a connection that is gone ends await by itself
}

// abandon ends the reading of the message that is coming with errAbandoned. It may
// be called by anyone.
func (c *conn) abandon() {
	c.abandoned.Store(true)
	c.nudge()
}

var errAbandoned = errors.New("the relay gave up on a frame in its middle")

// wasNudged reports whether a read ended because of nudge, and takes the
// deadline off again.
func (c *conn) wasNudged(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.nudging.Lock()
	defer c.nudging.Unlock()
	if !c.nudged {
		return false
	}
	c.nudged = false
	_ = c.SetReadDeadline(time.Time{})
	return true
}

// readNow reads what there is; it reports false if that is nothing yet.
func (c *conn) readNow(fd uintptr) bool {
	a := readAheads.Get().(*readAhead)
	n, err := readSocket(fd, a.bytes[:])
	if n > 0 {
		a.rest = a.bytes[:n]
		c.ahead = a
		c.alive()
		return true
	}
	readAheads.Put(a)
	if wouldBlock(err) {
		return false
	}
	c.readErr = err // nil at the end of the stream: the next Read sees it too
	return true
}

// early gives back bytes that were read with the handshake.
func (c *conn) early(b []byte) {
	a := readAheads.Get().(*readAhead)
	a.rest = append(a.bytes[:0], b...)
	c.ahead = a
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if c.inMessage += n; c.inMessage > c.most {
		return 0, errTooLarge
	}
	return n, err
}

func (c *conn) read(p []byte) (int, error) {
	if a := c.ahead; a != nil {
		n := copy(p, a.rest)
		if a.rest = a.rest[n:]; len(a.rest) == 0 {
			c.ahead = nil
			readAheads.Put(a)
		}
		return n, nil
	}
	if c.readErr != nil {
		return 0, c.readErr
	}
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.alive()
		}
		if n > 0 || !c.wasNudged(err) {
			return n, err
		}
		if c.abandoned.Swap(false) {
			return 0, errAbandoned
		}
	}
}

// Write implements [net.Conn] for the handshake; see [conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.upgraded.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// SetWriteDeadline implements [net.Conn] for the handshake; see [conn].
func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.upgraded.Load() {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// send writes whole frames, in one system call where the socket takes them. It
// fails when the peer took no byte for as long as its patience; over TLS, where
// nobody sees single bytes go, when it did not take a record.
func (c *conn) send(frames net.Buffers) error {
	c.frames = frames
	defer func() {
		c.frames = nil
		c.sending.Store(false)
	}()
	// A ping that the socket takes asks for a sign of life, and is none.
	onlyPing := len(frames) == 1 && frames[0][0]&0xf == opPing
	c.sending.Store(!onlyPing)
	taken := time.Now() // when the peer last took a byte, or was first asked to
	for len(c.frames) > 0 {
		// A deadline costs a timer: one that is nearly new will do.
		if c.deadline.Sub(taken) < c.patience*3/4 {
			if err := c.setDeadline(taken); err != nil {
				return err
			}
		}
		n, err := c.sendOnce()
		if n > 0 {
			taken = time.Now()
			if !onlyPing {
				c.alive()
			}
		}
		if err != nil && (c.sealed || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(taken) >= c.patience) {
			return err
		}
		if err != nil {
			c.deadline = time.Time{} // it is over: the next one counts from taken
		}
	}
	return nil
}

func (c *conn) setDeadline(taken time.Time) error {
	c.deadline = taken.Add(c.patience)
	return c.Conn.SetWriteDeadline(c.deadline)
}

// sendOnce writes c.frames until a deadline, and keeps of them what is left.
func (c *conn) sendOnce() (int64, error) {
	if len(c.frames) > 1 && !c.sealed {
		return c.frames.WriteTo(c.Conn)
	}
	first := c.frames[0]
	if c.sealed {
		first = first[:min(len(first), record)]
	}
	n, err := c.Conn.Write(first)
	if c.frames[0] = c.frames[0][n:]; len(c.frames[0]) == 0 {
		c.frames = c.frames[1:]
	}
	return int64(n), err
}

// record is the most that TLS seals at a time (RFC 8446, section 5.1).
const record = 16 << 10

// Opcodes of RFC 6455, section 5.2.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa
)

// frameHead is the longest head of a server's frame: a server does not mask.
const frameHead = 10

// newFrame returns a buffer with room for a head and a payload of size bytes,
// to be appended to and passed to [sealFrame].
func newFrame(size int) []byte { return make([]byte, frameHead, frameHead+size) }

// sealFrame writes the head before the payload and returns the frame (RFC 6455, section 5.2).
func sealFrame(opcode byte, b []byte) []byte {
	n := len(b) - frameHead
	switch {
	case n < 126:
		b = b[frameHead-2:]
		b[1] = byte(n)
	case n < 1<<16:
		b = b[frameHead-4:]
		b[1] = 126
		binary.BigEndian.PutUint16(b[2:], uint16(n))
	default:
		b[1] = 127
		binary.BigEndian.PutUint64(b[2:], uint64(n))
	}
	b[0] = 0x80 | opcode // FIN: one frame a message
	return b
}

// frame returns a frame that holds payload.
func frame(opcode byte, payload []byte) []byte {
	return sealFrame(opcode, append(newFrame(len(payload)), payload...))
}

// closeFrame returns a close frame; a reason is cut to what one can hold.
func closeFrame(code int, reason string) []byte {
	reason = strings.ToValidUTF8(reason[:min(len(reason), 123)], "") // a cut may go through a character
	b := newFrame(2 + len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return sealFrame(opClose, append(b, reason...))
}
