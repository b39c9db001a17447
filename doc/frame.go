package doc

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// What parent and child say to each other over the child's standard input and
// output. A frame is its kind (1 byte), the length of its body (4 bytes, big
// endian) and the body. The order, * being any number of times:
//
//	parent → child   base?  change*  finish
//	child → parent   step*, refused* and, at the end, wanted results, done
const (
	frameBase   = 'B' // a snapshot, which what follows builds on
	frameChange = 'C' // the next change
	frameFinish = 'F' // that was all; the body is the clock to look back to, or empty

	frameIdle    = 'I' // the child waits for its parent
	frameLoading = 'L' // the snapshot is being loaded
	frameStep    = 'P' // twice 4 bytes: the change of this index and so many in all are tried now
	frameRefused = 'N' // 4 bytes: the change of this index is not in; the rest says why
	frameReading = 'R' // all changes were tried; results are being made
	frameHeads   = 'H' // hashes, ascending
	frameSave    = 'S'
	frameJSON    = 'J'
	frameRaw     = 'W' // one change of the document, in an order that applies
	frameLeft    = 'M' // what a document made anew leaves behind, as JSON
	frameError   = 'E' // there is no result; the body says why
	frameDone    = 'Z'
)

// maxFrame is the longest body: that of a result.
const maxFrame = 1 << 30

func writeFrame(w io.Writer, kind byte, bodies ...[]byte) error {
	n := 0
	for _, b := range bodies {
		n += len(b)
	}
	if n > maxFrame {
		return fmt.Errorf("%d bytes are more than a result may have (%d)", n, maxFrame)
	}
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(n))
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, b := range bodies {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// readFrame reads a frame; its body is valid until the next one is read into buf.
func readFrame(r *bufio.Reader, buf *[]byte) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	if uint32(cap(*buf)) < n {
		*buf = make([]byte, n)
	}
	body = (*buf)[:n]
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return head[0], body, nil
}
