package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// Opcodes of WebSocket frames (RFC 6455, section 5.2).
const (
	opContinue = 0
	opText     = 1
	opClose    = 8
	opPing     = 9
)

const (
	firstBuffer  = 4 << 10   // what a connection starts with
	fullBuffer   = 64 << 10  // what one that gets a lot grows to
	largestFrame = 256 << 20 // longer than any relay sends: a broken stream
)

// frames cuts a connection's bytes into WebSocket messages. What it returns is
// valid until its next call. Owned by one goroutine.
type frames struct {
	conn net.Conn
	base time.Time
	buf  []byte
	// buf[start:end] is what has been read and not returned.
	start, end int
	// at is when the last bytes were read, in nanoseconds since base.
	at int64
	// message collects a fragmented message.
	message []byte
	// pause, unless nil, is called after each read with the number of bytes.
	pause func(n int)
}

// next returns the next text message, or a control frame with its opcode.
func (f *frames) next() (op byte, payload []byte, err error) {
	for {
		op, fin, head, size, ok := header(f.buf[f.start:f.end])
		if size > largestFrame {
			return 0, nil, fmt.Errorf("frame of %d bytes", size)
		}
		if !ok || f.end-f.start < head+size {
			if err := f.fill(head + size); err != nil {
				return 0, nil, err
			}
			continue
		}
		payload := f.buf[f.start+head : f.start+head+size]
		f.start += head + size
		switch {
		case op >= opClose || fin && op != opContinue:
			return op, payload, nil
		case op != opContinue:
			f.message = append(f.message[:0], payload...)
		default:
			f.message = append(f.message, payload...)
			if fin {
				return opText, f.message, nil
			}
		}
	}
}

// fill reads once, with room for at least want bytes from start.
func (f *frames) fill(want int) error {
	if f.start > 0 {
		f.end = copy(f.buf, f.buf[f.start:f.end])
		f.start = 0
	}
	if want = max(want, firstBuffer); want > len(f.buf) {
		f.grow(want)
	}
	n, err := f.conn.Read(f.buf[f.end:])
	f.at = int64(time.Since(f.base))
	if n == 0 {
		return err
	}
	if f.end += n; f.end == len(f.buf) && len(f.buf) < fullBuffer && f.pause == nil {
		f.grow(2 * len(f.buf))
	}
	if f.pause != nil {
		f.pause(n)
	}
	return nil
}

func (f *frames) grow(size int) {
	grown := make([]byte, size)
	copy(grown, f.buf[:f.end])
	f.buf = grown
}

// header reads the head of a server's frame, which has no mask. ok is false if
// b does not hold all of it.
func header(b []byte) (op byte, fin bool, head, size int, ok bool) {
	if len(b) < 2 {
		return 0, false, 2, 0, false
	}
	op, fin, size = b[0]&0xf, b[0]&0x80 != 0, int(b[1]&0x7f)
	switch {
	case size < 126:
		return op, fin, 2, size, true
	case size == 126 && len(b) >= 4:
		return op, fin, 4, int(binary.BigEndian.Uint16(b[2:])), true
	case size == 126:
		return op, fin, 4, 0, false
	case len(b) >= 10:
		return op, fin, 10, int(binary.BigEndian.Uint64(b[2:]) & (1<<62 - 1)), true
	}
	return op, fin, 10, 0, false
}

// beginFrame appends room for the head of a client's frame; [endFrame] fills it
// in. A client must mask; the mask is four zeros, which leaves bytes as they are.
func beginFrame(dst []byte) (frame []byte, start int) {
	start = len(dst)
	return append(dst, make([]byte, 14)...), start
}

// endFrame completes the frame that begins at start.
func endFrame(dst []byte, start int, op byte) []byte {
	size := len(dst) - start - 14
	head := [14]byte{0: 0x80 | op}
	n := 2
	switch {
	case size < 126:
		head[1] = 0x80 | byte(size)
	case size < 1<<16:
		head[1] = 0x80 | 126
		binary.BigEndian.PutUint16(head[2:], uint16(size))
		n = 4
	default:
		head[1] = 0x80 | 127
		binary.BigEndian.PutUint64(head[2:], uint64(size))
		n = 10
	}
	n += 4 // the mask
	copy(dst[start:], head[:n])
	copy(dst[start+n:], dst[start+14:])
	return dst[:start+n+size]
}
