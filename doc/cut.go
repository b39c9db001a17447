package doc

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Log is what a document is read from: the log of one machine, or a relay over
// HTTP. The methods are those of [oplog.Log].
type Log interface {
	State(ctx context.Context, doc oplog.DocID) (oplog.State, error)
	Read(ctx context.Context, doc oplog.DocID, epoch oplog.Epoch, after oplog.Offset, visit func(*oplog.Entry) bool) (oplog.Span, error)
	Snapshot(ctx context.Context, doc oplog.DocID, atOrBefore oplog.Offset) (oplog.Snapshot, error)
	SnapshotData(ctx context.Context, doc oplog.DocID, at oplog.Offset) (io.ReaderAt, error)
}

// Cut is a document up to a moment: which ops are in it, and the snapshot that
// stands in for those that are pruned. It is a left-closed cut through the
// history: whatever an op of it follows from is in it too.
type Cut struct {
	Doc   oplog.DocID
	State oplog.State // of the document when the cut was made
	// Base is the snapshot that stands in for pruned ops, nil where none are
	// pruned. The ops of the cut follow it, or it is later than the cut and has
	// the cut in its history.
	Base *oplog.Snapshot
	// Last is the last offset that is in the cut, 0 if nothing is.
	Last oplog.Offset
	// Seen, unless nil, is which ops up to Last are in it; of the others none is.
	Seen *clock.Vector

	log Log
	// baseless is why the document cannot be made: ops are pruned, and no snapshot
	// stands in for them. Those that are held can still be read; see [Cut.Held].
	baseless error
}

// CutAt finds the ops that a document was made of at a moment. A moment before
// what is held is [oplog.ErrPruned].
func CutAt(ctx context.Context, log Log, doc oplog.DocID, m Moment) (*Cut, error) {
	state, err := log.State(ctx, doc)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", doc, err)
	}
	c := &Cut{Doc: doc, State: state, Last: state.Head, log: log}
	switch {
	case m.offset != nil && *m.offset > state.Head:
		err = fmt.Errorf("%s has no offset %d: it ends at %d", doc, *m.offset, state.Head)
	case m.offset != nil:
		c.Last = *m.offset
	case m.clock != nil:
		err = c.upToClock(ctx, *m.clock)
	case !m.time.IsZero():
		err = c.upToTime(ctx, m.time.UnixMilli())
	}
	if err == nil && state.First > 1 && c.Last > 0 {
		err = c.findBase(ctx)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// findBase finds what stands in for the ops that are pruned: the newest snapshot
// in the cut, if all ops behind it are held, else a later one.
func (c *Cut) findBase(ctx context.Context) error {
	base, err := c.log.Snapshot(ctx, c.Doc, c.Last)
	if err != nil && !errors.Is(err, oplog.ErrNotFound) {
		return fmt.Errorf("find snapshot of %s: %w", c.Doc, err)
	}
	switch found := err == nil && (base.Offset >= c.State.First-1 || base.Offset == c.Last); {
	case !found && c.Last < c.State.First-1:
		return c.gone(fmt.Sprintf("offset %d", c.Last))
	case !found:
		return c.lookBack(ctx)
	case c.Seen != nil && c.State.Format != Automerge && !c.Seen.Covers(base.Clock):
		c.baseless = fmt.Errorf("%s: %w, and the snapshot at offset %d holds more than the clock names", c.Doc, oplog.ErrPruned, base.Offset)
	default:
		c.Base = &base
	}
	return nil
}

// lookBack takes the newest snapshot for the base, which is later than the cut.
// One of Automerge has the history up to then, and so the cut.
func (c *Cut) lookBack(ctx context.Context) error {
	newest, err := c.log.Snapshot(ctx, c.Doc, 0)
	switch {
	case err != nil && !errors.Is(err, oplog.ErrNotFound):
		return fmt.Errorf("find snapshot of %s: %w", c.Doc, err)
	case err != nil || newest.Offset < c.Last:
		c.baseless = fmt.Errorf("%s: %w, and no snapshot stands in for them", c.Doc, oplog.ErrPruned)
		return nil
	case c.State.Format != Automerge:
		c.baseless = fmt.Errorf("%s at offset %d: %w, and only a later snapshot holds them", c.Doc, c.Last, oplog.ErrPruned)
		return nil
	}
	if c.Seen == nil {
		seen, err := c.clockAt(ctx, c.Last)
		if err != nil {
			return err
		}
		c.Seen = &seen
	}
	c.Base = &newest
	return nil
}

// gone says that a moment is before what is held.
func (c *Cut) gone(moment string) error {
	return fmt.Errorf("%s at %s: %w; what is left begins behind offset %d (a clock can name an earlier moment of an Automerge document)",
		c.Doc, moment, oplog.ErrPruned, c.State.First-1)
}

// PrunedClock returns what the ops that are pruned add up to.
func (c *Cut) PrunedClock(ctx context.Context) (clock.Vector, error) {
	return c.clockAt(ctx, c.State.First-1)
}

// clockAt returns what the ops at or before an offset add up to. All ops behind
// it must be held.
func (c *Cut) clockAt(ctx context.Context, at oplog.Offset) (before clock.Vector, err error) {
	next := map[clock.Actor]uint64{} // the first seq of each actor behind the offset
	_, err = c.log.Read(ctx, c.Doc, c.State.Epoch, at, func(e *oplog.Entry) bool {
		if _, is := next[e.Actor]; !is && e.Offset <= c.State.Head {
			next[e.Actor] = e.Seq
		}
		return e.Offset < c.State.Head
	})
	if err != nil {
		return before, fmt.Errorf("read %s: %w", c.Doc, err)
	}
	for actor, seq := range c.State.Heads.Clock.All() {
		if first, is := next[actor]; is {
			seq = first - 1
		}
		if seq > 0 {
			before.Raise(actor, seq)
		}
	}
	return before, nil
}

// upToTime ends the cut before the first op that came after a time. Where that
// one is the oldest that is held, a snapshot right before it says what was there
// since it was stored, and nothing says what was there earlier.
func (c *Cut) upToTime(ctx context.Context, ms int64) error {
	c.Last = c.State.First - 1
	_, err := c.log.Read(ctx, c.Doc, c.State.Epoch, c.Last, func(e *oplog.Entry) bool {
		if e.At <= ms {
			c.Last = e.Offset
		}
		return e.At <= ms
	})
	if err != nil || c.Last >= c.State.First || c.Last == 0 || c.Last == c.State.Head && c.State.At <= ms {
		return err
	}
	s, err := c.log.Snapshot(ctx, c.Doc, c.Last)
	switch {
	case err == nil && s.Offset == c.Last && s.At <= ms:
		return nil
	case err == nil || errors.Is(err, oplog.ErrNotFound):
		return c.gone(time.UnixMilli(ms).Format(time.RFC3339))
	}
	return fmt.Errorf("find snapshot of %s: %w", c.Doc, err)
}

// upToClock ends the cut behind the last op that a clock names, and closes the
// clock: what its ops follow from belongs to it.
func (c *Cut) upToClock(ctx context.Context, named clock.Vector) error {
	if missing := c.State.Heads.Clock.Missing(named); missing.Len() > 0 {
		return fmt.Errorf("%s does not have %s", c.Doc, missing.AppendJSON(nil))
	}
	type link struct {
		clock.Dot
		at    oplog.Offset
		clock clock.Vector
	}
	var links []link
	_, err := c.log.Read(ctx, c.Doc, c.State.Epoch, c.State.First-1, func(e *oplog.Entry) bool {
		if e.Clock.Len() > 0 || named.Get(e.Actor) == e.Seq {
			links = append(links, link{e.Dot, e.Offset, e.Clock.Clone()})
		}
		return true
	})
	if err != nil {
		return err
	}
	seen := named.Clone()
	c.Last = c.State.First - 1
	for _, l := range slices.Backward(links) {
		if seen.Has(l.Dot) {
			seen = seen.Merge(l.clock)
			c.Last = max(c.Last, l.at)
		}
	}
	c.Seen = &seen
	return nil
}

// Held returns the cut for a caller that wants the ops themselves: with all that
// the log has of them, even where a snapshot stands in for some.
func (c *Cut) Held() *Cut {
	ops := *c
	ops.Base, ops.baseless = nil, nil
	if first := c.State.First; first > 1 {
		ops.Base = &oplog.Snapshot{Offset: first - 1}
	}
	return &ops
}

// Ops calls visit with the ops of the cut in the order of the log, without those
// that the base stands in for, until it returns false. Entries are lent as in
// [oplog.Log].Read.
func (c *Cut) Ops(ctx context.Context, visit func(*oplog.Entry) bool) error {
	if c.baseless != nil {
		return c.baseless
	}
	after := oplog.Offset(0)
	if c.Base != nil {
		after = c.Base.Offset
	}
	if after >= c.Last {
		return nil
	}
	_, err := c.log.Read(ctx, c.Doc, c.State.Epoch, after, func(e *oplog.Entry) bool {
		if e.Offset > c.Last {
			return false
		}
		return !c.Has(e) || visit(e)
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", c.Doc, err)
	}
	return nil
}

// Has reports whether an op is in the cut.
func (c *Cut) Has(e *oplog.Entry) bool {
	return e.Offset <= c.Last && (c.Seen == nil || c.Seen.Has(e.Dot))
}

// MaxSnapshot is the largest snapshot that is loaded, in bytes.
const MaxSnapshot = 512 << 20

// ReadBase returns the bytes of the base, which are those that were stored, or
// nil where no ops are pruned.
func (c *Cut) ReadBase(ctx context.Context) ([]byte, error) {
	if c.Base == nil {
		return nil, c.baseless
	}
	return ReadSnapshot(ctx, c.log, c.Doc, *c.Base)
}

// ReadSnapshot returns the bytes of a snapshot, which are those that were stored.
func ReadSnapshot(ctx context.Context, log Log, doc oplog.DocID, s oplog.Snapshot) ([]byte, error) {
	if s.Bytes > MaxSnapshot {
		return nil, fmt.Errorf("read snapshot of %s at %d: its %d bytes are more than the %d that are loaded", doc, s.Offset, s.Bytes, MaxSnapshot)
	}
	data, err := log.SnapshotData(ctx, doc, s.Offset)
	if err != nil {
		return nil, fmt.Errorf("read snapshot of %s at %d: %w", doc, s.Offset, err)
	}
	blob := make([]byte, s.Bytes)
	if _, err := io.ReadFull(io.NewSectionReader(data, 0, s.Bytes), blob); err != nil {
		return nil, fmt.Errorf("read snapshot of %s at %d: %w", doc, s.Offset, err)
	}
	if sha256.Sum256(blob) != s.SHA256 {
		return nil, fmt.Errorf("read snapshot of %s at %d: %w", doc, s.Offset, oplog.ErrChecksum)
	}
	return blob, nil
}

// Make makes the document of a cut. Its format must be [Automerge].
func (e Engine) Make(ctx context.Context, c *Cut, want Want, o MakeOptions) (*State, error) {
	if c.State.Format != Automerge {
		return nil, &FormatError{c.Doc, c.State.Format}
	}
	base, err := c.ReadBase(ctx)
	if err != nil {
		return nil, err
	}
	job := Job{
		Base: base, Want: want, SkipBad: o.SkipBad, Progress: o.Progress,
		Ops: func(visit func(*oplog.Entry) bool) error { return c.Ops(ctx, visit) },
	}
	if base != nil && c.Seen != nil && !c.Seen.Covers(c.Base.Clock) {
		job.View = c.Seen
	}
	return e.Run(ctx, job)
}

// MakeOptions says how to make a document; see [Job].
type MakeOptions struct {
	SkipBad  bool
	Progress func(ops int)
}

// FormatError says that documents of a format cannot be made here.
type FormatError struct {
	Doc    oplog.DocID
	Format oplog.Format
}

func (e *FormatError) Error() string {
	switch e.Format {
	case Yjs:
		return fmt.Sprintf("%s is a Yjs document, which Go cannot open: export it --as yjs, and load it in JavaScript", e.Doc)
	case JSON:
		return fmt.Sprintf("%s is a document of format json, whose ops mean what its application says: export it --as json or --as ops", e.Doc)
	}
	return fmt.Sprintf("%s is a document of format %q, which is not known here: export it --as ops", e.Doc, e.Format)
}
