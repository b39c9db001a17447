package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/schollz/progressbar/v3"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// sender brings the ops of one document to a relay, those that it lacks.
type sender struct {
	tool   *tool
	to     *admin.Relay
	doc    oplog.DocID
	format oplog.Format
	epoch  oplog.Epoch  // empty until the document exists
	have   clock.Vector // what the relay has
	bar    *progressbar.ProgressBar

	page  []oplog.Entry
	bytes int
	sent  int
	known int // ops that the relay had
}

// Bounds of what is sent at a time.
const (
	senderOps   = 1000
	senderBytes = 512 << 10
)

// find asks what the relay has of the document.
func (s *sender) find() error {
	state, err := s.to.State(s.tool.ctx, s.doc)
	if errors.Is(err, oplog.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if state.Format != s.format {
		return fmt.Errorf("%s at the relay is of format %s, not %s", s.doc, state.Format, s.format)
	}
	s.epoch, s.have = state.Epoch, state.Heads.Clock
	return nil
}

// add sends an op, now or with those that follow. e is the sender's from now on.
func (s *sender) add(e oplog.Entry) error {
	_ = s.bar.Add(1)
	if s.have.Has(e.Dot) {
		s.known++
		return nil
	}
	if e.Redacted {
		return fmt.Errorf("op %v at offset %d was erased: a relay takes no op without a payload", e.Dot, e.Offset)
	}
	e.Offset = 0
	s.page = append(s.page, e)
	s.bytes += len(e.Payload) + len(e.Ext) + 200
	if len(s.page) >= senderOps || s.bytes >= senderBytes {
		return s.flush()
	}
	return nil
}

// flush sends what waits.
func (s *sender) flush() error {
	if len(s.page) == 0 {
		return nil
	}
	epoch, err := s.to.Append(s.tool.ctx, oplog.Append{Doc: s.doc, Epoch: s.epoch, Format: s.format, Entries: s.page})
	if err != nil {
		return err
	}
	s.epoch = epoch
	s.sent += len(s.page)
	s.page, s.bytes = s.page[:0], 0
	return nil
}

// owned returns a copy of an entry that was lent.
func owned(e *oplog.Entry) oplog.Entry {
	c := *e
	c.Clock = e.Clock.Clone()
	c.Payload, c.Ext = bytes.Clone(e.Payload), bytes.Clone(e.Ext)
	return c
}

// digest identifies an op by its name and content.
func digest(e *oplog.Entry) (d [16]byte) {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(e.Actor), e.Payload, e.Ext} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part)))
		h.Write(part)
	}
	_ = binary.Write(h, binary.BigEndian, e.Seq)
	return [16]byte(h.Sum(nil)[:16])
}

// begins reports whether a document of one log is the beginning of a document of
// another, op by op. Pruned ones cannot be compared.
func (t *tool) begins(part store, id oplog.DocID, is *oplog.State, whole store, of *oplog.State) (bool, error) {
	if is.First > 1 || of.First > 1 || is.Head > of.Head || is.Format != of.Format {
		return false, nil
	}
	digests := make([][16]byte, 0, is.Head)
	if _, err := part.Read(t.ctx, id, is.Epoch, 0, func(e *oplog.Entry) bool {
		digests = append(digests, digest(e))
		return e.Offset < is.Head
	}); err != nil {
		return false, err
	}
	others := make([][16]byte, 0, is.Head)
	_, err := whole.Read(t.ctx, id, of.Epoch, 0, func(e *oplog.Entry) bool {
		if len(others) < len(digests) {
			others = append(others, digest(e))
		}
		return len(others) < len(digests)
	})
	return slices.Equal(digests, others), err
}
