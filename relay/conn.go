package relay

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync/atomic"
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

	upgraded atomic.Bool  // the handshake is done
	heard    atomic.Int64 // when the last byte came or went, Unix ms

	// owned by the writer
	deadline time.Time   // the write deadline in force
	frames   net.Buffers // what is being sent
}

func newConn(c net.Conn, patience time.Duration) *conn {
	w := &conn{Conn: c, patience: patience}
	w.alive()
	return w
}

func (c *conn) alive() { c.heard.Store(time.Now().UnixMilli()) }

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.alive()
	}
	return n, err
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
// fails when the peer took no byte for as long as its patience.
func (c *conn) send(frames net.Buffers) error {
	c.frames = frames
	defer func() { c.frames = nil }()
	for {
		now := time.Now()
		// A deadline costs a timer: one that is nearly new will do.
		if left := c.deadline.Sub(now); left < c.patience*3/4 {
			c.deadline = now.Add(c.patience)
			if err := c.Conn.SetWriteDeadline(c.deadline); err != nil {
				return err
			}
		}
		n, err := c.frames.WriteTo(c.Conn)
		if n > 0 {
			c.alive()
		}
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 && time.Since(now) >= c.patience/2 {
			return err
		}
		c.deadline = time.Time{}
	}
}

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
	b := newFrame(2 + len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return sealFrame(opClose, append(b, reason[:min(len(reason), 123)]...))
}
