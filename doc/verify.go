package doc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Finding is something in a document that is not as it must be.
type Finding struct {
	Doc    oplog.DocID
	Offset oplog.Offset // of the op or snapshot; 0 where it is about the whole
	Op     clock.Dot    // zero where it is about no op
	Err    error
}

func (f *Finding) String() string {
	switch {
	case f.Op.Seq > 0:
		return fmt.Sprintf("%s, offset %d, op %v: %v", f.Doc, f.Offset, f.Op, f.Err)
	case f.Offset > 0:
		return fmt.Sprintf("%s, offset %d: %v", f.Doc, f.Offset, f.Err)
	}
	return fmt.Sprintf("%s: %v", f.Doc, f.Err)
}

// Verification is what was looked at in a document.
type Verification struct {
	Doc       oplog.DocID
	Format    oplog.Format
	Ops       int // held
	Pruned    int // by how many offsets the log begins later than 1
	Redacted  int
	Snapshots int
	// Opened says that payloads were applied, not only read: that needs Automerge.
	Opened bool
	// Proven says that clients of today can open it, as far as that is known: the
	// Prover loaded it and all its snapshots, or a current client stored the newest.
	Proven bool
	Heads  []Hash // of the document now, if it was opened
}

// VerifyOptions say how far a verification goes.
type VerifyOptions struct {
	// Shallow leaves out what needs Automerge: applying changes and loading
	// snapshots.
	Shallow  bool
	Progress func(ops int)
}

// Verify holds a document against everything that is promised of one: offsets
// and times that rise, actors without a gap, causal order, payloads that are what
// their ops are named after and follow from what their clocks name, changes that
// Automerge takes, snapshots that are what the ops make. It calls report for each
// thing that is not so. Damage that keeps the log from being read is a finding
// too; the error says why it could not be looked at.
func (e Engine) Verify(ctx context.Context, log Log, doc oplog.DocID, o VerifyOptions, report func(*Finding)) (*Verification, error) {
	cut, err := CutAt(ctx, log, doc, Moment{})
	if err == nil {
		err = cut.baseless
	}
	if corrupt, ok := errors.AsType[*oplog.CorruptionError](err); ok || errors.Is(err, oplog.ErrPruned) {
		if ok {
			err = corrupt
		}
		report(&Finding{Doc: doc, Err: err}) // it cannot be read, or nothing stands in for what was pruned
		return &Verification{Doc: doc}, nil
	}
	if err != nil {
		return nil, err
	}
	v := &verifier{
		Verification: Verification{Doc: doc, Format: cut.State.Format, Pruned: int(cut.State.First - 1)},
		cut:          cut, log: log, report: report, order: orderAt(cut), bad: map[oplog.Offset]bool{},
	}
	if err := v.findSnapshots(ctx); err != nil {
		return nil, err
	}
	if err := v.readOps(ctx); err != nil {
		return nil, err
	}
	if cut.State.Format == Automerge && !o.Shallow {
		err = v.open(ctx, e, o)
	}
	return &v.Verification, err
}

// verifier goes through one document.
type verifier struct {
	Verification
	cut    *Cut
	log    Log
	report func(*Finding)

	order     *causalOrder
	changes   *changeGraph
	snapshots []oplog.Snapshot      // ascending
	bad       map[oplog.Offset]bool // ops that something was found in
}

func (v *verifier) found(at oplog.Offset, op clock.Dot, err error) {
	if op.Seq > 0 {
		v.bad[at] = true
	}
	v.report(&Finding{v.Doc, at, op, err})
}

// findSnapshots lists the snapshots at or behind what is pruned.
func (v *verifier) findSnapshots(ctx context.Context) error {
	for at := oplog.Offset(0); ; {
		s, err := v.log.Snapshot(ctx, v.Doc, at)
		if errors.Is(err, oplog.ErrNotFound) {
			break
		}
		if corrupt, ok := errors.AsType[*oplog.CorruptionError](err); ok {
			v.found(at, clock.Dot{}, corrupt)
			break
		}
		if err != nil {
			return err
		}
		v.snapshots = append(v.snapshots, s)
		if at = s.Offset - 1; at == 0 {
			break
		}
	}
	slices.Reverse(v.snapshots)
	v.Snapshots = len(v.snapshots)
	return nil
}

// readOps reads what is held, op by op.
func (v *verifier) readOps(ctx context.Context) error {
	v.changes = newChangeGraph(v.cut.State.First > 1)
	after := v.cut.State.First - 1
	next := 0 // the snapshot to come by
	_, err := v.log.Read(ctx, v.Doc, v.cut.State.Epoch, after, func(e *oplog.Entry) bool {
		v.Ops++
		for _, err := range v.order.take(e) {
			v.found(e.Offset, e.Dot, err)
		}
		if err := v.payload(e); err != nil {
			v.found(e.Offset, e.Dot, err)
		}
		for ; next < len(v.snapshots) && v.snapshots[next].Offset <= e.Offset; next++ {
			v.snapshotClock(&v.snapshots[next], e.Offset)
		}
		return e.Offset < v.cut.State.Head
	})
	if corrupt, ok := errors.AsType[*oplog.CorruptionError](err); ok {
		v.found(0, clock.Dot{}, corrupt)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", v.Doc, err)
	}
	if err := v.order.end(&v.cut.State); err != nil {
		v.found(0, clock.Dot{}, err)
	}
	return nil
}

// payload looks into an op as far as that goes without applying it.
func (v *verifier) payload(e *oplog.Entry) error {
	if e.Redacted {
		v.Redacted++
		return nil
	}
	switch v.Format {
	case Automerge:
		_, head, err := ReadOp(e)
		if err != nil {
			return err
		}
		return v.changes.take(e, head)
	case Yjs:
		raw, err := Payload(e)
		if err == nil && len(raw) == 0 {
			err = errors.New("its update is empty")
		}
		return err
	}
	if !json.Valid(e.Payload) {
		return errors.New("its payload is no JSON")
	}
	return nil
}

// snapshotClock holds the clock of a snapshot against the ops up to it.
func (v *verifier) snapshotClock(s *oplog.Snapshot, at oplog.Offset) {
	switch {
	case s.Offset != at:
		if at > v.cut.State.First { // below what is held nothing can be said
			v.found(s.Offset, clock.Dot{}, errors.New("a snapshot is stored where no op is"))
		}
	case v.order.complete && s.Clock.Compare(v.order.have) != clock.Equal:
		v.found(s.Offset, clock.Dot{}, fmt.Errorf("the snapshot's clock is %s, that of the ops %s", s.Clock.AppendJSON(nil), v.order.have.AppendJSON(nil)))
	}
}

// open applies the changes, and loads the snapshots.
func (v *verifier) open(ctx context.Context, e Engine, o VerifyOptions) error {
	whole := *v.cut
	err := whole.baseBefore(ctx)
	if errors.Is(err, oplog.ErrPruned) {
		v.found(0, clock.Dot{}, errors.New("no snapshot stands in for the ops that are pruned"))
		return nil
	}
	if err != nil {
		return err
	}
	state, err := e.Make(ctx, &whole, Want{Save: true}, MakeOptions{SkipBad: true, Progress: o.Progress})
	if base, ok := errors.AsType[*BaseError](err); ok {
		v.found(whole.Base.Offset, clock.Dot{}, base)
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", v.Doc, err)
	}
	v.Opened, v.Heads = true, state.Heads
	for _, bad := range state.Skipped {
		if !v.bad[bad.Offset] {
			v.found(bad.Offset, bad.Op, bad.Err)
		}
	}
	n := len(v.snapshots)
	v.Proven = e.Prover != nil || n > 0 && Current(v.snapshots[n-1].Maker)
	if n == 0 || v.snapshots[n-1].Offset < whole.Last {
		if err := v.prove(ctx, e, 0, state.Save, state.Heads); err != nil {
			return err
		}
	}
	for i := range v.snapshots {
		if err := v.openSnapshot(ctx, e, &whole, &v.snapshots[i]); err != nil {
			return err
		}
	}
	return nil
}

// prove has the prover, if there is one, load a snapshot at an offset, or what would
// be one (0).
func (v *verifier) prove(ctx context.Context, e Engine, at oplog.Offset, snapshot []byte, heads []Hash) error {
	if e.Prover == nil {
		return nil
	}
	err := e.Prove(ctx, snapshot, heads)
	if no, ok := errors.AsType[*ProofError](err); ok {
		v.Proven = false
		v.found(at, clock.Dot{}, no)
		return nil
	}
	return err
}

// openSnapshot loads a snapshot, and compares its heads with those that the ops
// up to it have.
func (v *verifier) openSnapshot(ctx context.Context, e Engine, whole *Cut, s *oplog.Snapshot) error {
	blob, err := ReadSnapshot(ctx, v.log, v.Doc, *s)
	corrupt, isCorrupt := errors.AsType[*oplog.CorruptionError](err)
	switch {
	case isCorrupt:
		v.found(s.Offset, clock.Dot{}, corrupt)
		return nil
	case errors.Is(err, oplog.ErrChecksum):
		v.found(s.Offset, clock.Dot{}, err)
		return nil
	case err != nil:
		return err
	}
	loaded, err := e.Run(ctx, Job{Base: blob})
	if base, ok := errors.AsType[*BaseError](err); ok {
		v.found(s.Offset, clock.Dot{}, base)
		return nil
	}
	if err != nil {
		return err
	}
	if err := v.prove(ctx, e, s.Offset, blob, loaded.Heads); err != nil {
		return err
	}
	if whole.Base != nil && s.Offset <= whole.Base.Offset {
		return nil // the ops before it are gone
	}
	want := v.Heads
	if s.Offset < whole.Last {
		until := *whole
		until.Last = s.Offset
		state, err := e.Make(ctx, &until, Want{}, MakeOptions{SkipBad: true})
		if err != nil {
			return err
		}
		want = state.Heads
	}
	if !slices.Equal(loaded.Heads, want) {
		v.found(s.Offset, clock.Dot{}, fmt.Errorf("the snapshot has the heads %v, the ops make %v", loaded.Heads, want))
	}
	return nil
}
