package doc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/baton-relay/baton/oplog"
)

// Store is a [Log] that snapshots are kept in.
type Store interface {
	Log
	PutSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset, info oplog.SnapshotInfo, r io.Reader) (oplog.Snapshot, bool, error)
	DeleteSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset) error
	Prune(ctx context.Context, doc oplog.DocID, before oplog.Offset) (oplog.Offset, error)
}

// CompactOptions say how far a compaction goes.
type CompactOptions struct {
	// Prune lets go of the ops that the snapshot stands in for.
	Prune bool
	// Keep is how many of the newest ops pruning leaves: clients that were away
	// for less than these go on from ops.
	Keep int
	// DropOlder removes the snapshots before this one, which holds what they hold.
	DropOlder bool
	// DryRun makes and proves the snapshot, and stores nothing.
	DryRun bool
	MakeOptions
}

// Compaction is what a compaction did, or would do.
type Compaction struct {
	Doc    oplog.DocID
	Head   oplog.Offset // of the log
	Offset oplog.Offset // of the snapshot
	Heads  []Hash
	// Ops is how many ops were held at or before Offset, OpBytes their payloads.
	Ops     int
	OpBytes int64
	Bytes   int64 // of the snapshot
	// Stored says that the snapshot is new; else the log had it.
	Stored bool
	// Dropped is how many older snapshots were removed.
	Dropped int
	// First is the oldest op that is still held, Pruned how many were let go.
	First   oplog.Offset
	Pruned  int
	Skipped []*OpError
	// By and Maker are those of a snapshot that the log had.
	By    string
	Maker oplog.Maker
	// Unproven, unless empty, says what was left undone, and why: the Automerge of
	// this program alone vouches for the snapshot.
	Unproven string
}

// Compact stores a snapshot of a document as it is now, so that who joins late
// loads that in place of ops. The snapshot is proven before it is stored, and
// read back before anything that it stands in for is let go. Nothing is done
// for a document that has no ops.
//
// The Automerge here is an old one, which takes what clients refuse. So nothing is
// let go on its word alone, and where ops are gone no snapshot of its making takes
// the place of another: that needs the Prover, or a newest snapshot that a [Current]
// client stored.
func (e Engine) Compact(ctx context.Context, log Store, doc oplog.DocID, o CompactOptions) (*Compaction, error) {
	cut, err := CutAt(ctx, log, doc, Moment{})
	if err != nil {
		return nil, err
	}
	c := &Compaction{Doc: doc, Head: cut.Last, Offset: cut.Last, First: cut.State.First}
	if cut.Last == 0 {
		return c, nil
	}
	if e.Prover == nil && cut.State.Format == Automerge {
		if done, err := c.withoutProver(ctx, log, cut, &o); err != nil || done {
			return c, err
		}
	}
	if err := c.measure(ctx, cut); err != nil {
		return nil, err
	}
	blob, err := e.snapshotOf(ctx, log, cut, c, o)
	if err != nil {
		return nil, err
	}
	if e.Prover != nil && (c.Stored || o.removes()) {
		if err := e.Prove(ctx, blob, c.Heads); err != nil {
			return nil, fmt.Errorf("prove the snapshot of %s at %d: %w", doc, c.Offset, err)
		}
	}
	c.Bytes = int64(len(blob))
	if o.DryRun {
		c.prune(o)
		return c, nil
	}
	if c.Stored {
		if err := store(ctx, log, cut, blob); err != nil {
			return nil, err
		}
	}
	if c.prune(o); c.Pruned > 0 {
		if c.First, err = log.Prune(ctx, doc, c.First); err != nil {
			return nil, fmt.Errorf("prune %s: %w", doc, err)
		}
	}
	if o.DropOlder {
		err = c.dropOlder(ctx, log)
	}
	return c, err
}

// removes reports whether the snapshot is to stand in for what is let go.
func (o *CompactOptions) removes() bool { return o.Prune || o.DropOlder }

// withoutProver moves the cut to the newest snapshot if a current client stored it.
// If none did, nothing is let go, and none is stored that would take the place of
// one that stands in for pruned ops; done says that nothing is left to do.
func (c *Compaction) withoutProver(ctx context.Context, log Store, cut *Cut, o *CompactOptions) (done bool, err error) {
	newest, err := log.Snapshot(ctx, c.Doc, 0)
	if err != nil && !errors.Is(err, oplog.ErrNotFound) {
		return false, err
	}
	is := err == nil
	if o.removes() && is && Current(newest.Maker) {
		c.Offset, cut.Last = newest.Offset, newest.Offset
		return false, nil
	}
	stays := c.First > 1 && newest.Offset < cut.Last
	if !o.removes() && !stays {
		return false, nil
	}
	switch {
	case !o.removes():
		c.Unproven = "no prover is here, and ops are pruned: clients begin with the snapshot that is there"
	case !is:
		c.Unproven = "no prover is here, and no client stored a snapshot"
	default:
		c.Unproven = "no prover is here, and no current client stored its newest snapshot"
	}
	o.Prune, o.DropOlder = false, false
	if stays { // clients begin with it, and no op is left to begin with in its place
		c.Offset, c.Bytes, c.By, c.Maker = newest.Offset, newest.Bytes, newest.By, newest.Maker
	}
	return stays, nil
}

// dropOlder removes the snapshots that the new one makes needless.
func (c *Compaction) dropOlder(ctx context.Context, log Store) error {
	for c.Offset > 1 {
		older, err := log.Snapshot(ctx, c.Doc, c.Offset-1)
		if errors.Is(err, oplog.ErrNotFound) {
			break
		}
		if err == nil {
			err = log.DeleteSnapshot(ctx, c.Doc, older.Offset)
		}
		if err != nil {
			return fmt.Errorf("remove older snapshots of %s: %w", c.Doc, err)
		}
		c.Dropped++
	}
	return nil
}

// measure counts the ops that a snapshot at the end of the cut stands in for.
func (c *Compaction) measure(ctx context.Context, cut *Cut) error {
	return cut.Held().Ops(ctx, func(e *oplog.Entry) bool {
		c.Ops++
		c.OpBytes += int64(len(e.Payload) + len(e.Ext))
		return true
	})
}

// snapshotOf returns a snapshot that is proven: the one that the log has at the
// end of the cut, or a new one.
func (e Engine) snapshotOf(ctx context.Context, log Store, cut *Cut, c *Compaction, o CompactOptions) ([]byte, error) {
	if is, err := log.Snapshot(ctx, cut.Doc, cut.Last); err == nil && is.Offset == cut.Last {
		c.By, c.Maker = is.By, is.Maker
		if !o.removes() {
			c.Bytes = is.Bytes
			return ReadSnapshot(ctx, log, cut.Doc, is)
		}
		return e.provenStored(ctx, log, cut, c, is, o)
	} else if err != nil && !errors.Is(err, oplog.ErrNotFound) {
		return nil, err
	}
	state, err := e.Make(ctx, cut, Want{Save: true}, o.MakeOptions)
	if err != nil {
		return nil, err
	}
	c.Heads, c.Skipped, c.Stored = state.Heads, state.Skipped, true
	return state.Save, nil
}

// provenStored returns a stored snapshot if it holds what the ops say.
func (e Engine) provenStored(ctx context.Context, log Store, cut *Cut, c *Compaction, is oplog.Snapshot, o CompactOptions) ([]byte, error) {
	blob, err := ReadSnapshot(ctx, log, cut.Doc, is)
	if err != nil {
		return nil, err
	}
	loaded, err := e.Run(ctx, Job{Base: blob})
	if err != nil {
		return nil, fmt.Errorf("prove the snapshot of %s at %d: %w", cut.Doc, is.Offset, err)
	}
	if c.Heads = loaded.Heads; cut.State.First == cut.Last+1 {
		return blob, nil // nothing is held that could say more, or be pruned
	}
	replay := *cut
	if err := replay.baseBefore(ctx); err != nil {
		return nil, err
	}
	state, err := e.Make(ctx, &replay, Want{}, o.MakeOptions)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(loaded.Heads, state.Heads) {
		return nil, fmt.Errorf("the snapshot of %s at %d is not what its ops make: it has other heads; delete it (DELETE /v1/docs/%s/snapshots/%d) and compact again",
			cut.Doc, is.Offset, cut.Doc, is.Offset)
	}
	c.Skipped = state.Skipped
	return blob, nil
}

// baseBefore moves the base of a cut as far back as the ops reach, so that they
// are what a snapshot is held against.
func (c *Cut) baseBefore(ctx context.Context) error {
	c.Base = nil
	if c.State.First == 1 {
		return nil
	}
	for at := c.Last; ; {
		s, err := c.log.Snapshot(ctx, c.Doc, at)
		if err == nil && s.Offset >= c.State.First-1 {
			c.Base = &s
			if at = s.Offset - 1; at >= max(c.State.First-1, 1) {
				continue
			}
			return nil
		}
		if err != nil && !errors.Is(err, oplog.ErrNotFound) {
			return err
		}
		if c.Base == nil {
			return fmt.Errorf("%s: %w", c.Doc, oplog.ErrPruned)
		}
		return nil
	}
}

// store puts a snapshot into the log and reads it back.
func store(ctx context.Context, log Store, cut *Cut, blob []byte) error {
	stored, _, err := log.PutSnapshot(ctx, cut.Doc, cut.Last, oplog.SnapshotInfo{Format: cut.State.Format, Maker: ownMaker()}, bytes.NewReader(blob))
	if err != nil {
		return fmt.Errorf("store snapshot of %s at %d: %w", cut.Doc, cut.Last, err)
	}
	back, err := ReadSnapshot(ctx, log, cut.Doc, stored)
	if err != nil {
		return err
	}
	if !bytes.Equal(back, blob) {
		return fmt.Errorf("read snapshot of %s at %d: %w", cut.Doc, cut.Last, oplog.ErrChecksum)
	}
	return nil
}

// prune says which ops are to go: of those that the snapshot stands in for, all but
// the newest of the log.
func (c *Compaction) prune(o CompactOptions) {
	if !o.Prune {
		return
	}
	before := min(c.Offset+1, c.Head+1-min(c.Head+1, oplog.Offset(max(o.Keep, 0))))
	if before > c.First {
		c.Pruned = int(before - c.First)
		c.First = before
	}
}
