package doc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Engine applies Automerge changes in child processes, which have limits and may
// die. The zero value has the default limits. It is a value without state; its
// methods may be called at once.
type Engine struct {
	// Memory is the address space of a child in bytes (default 4 GiB; Linux only).
	// Automerge takes about 2 kB for each op of a text.
	Memory int64
	// CPU is the processor time that a child may take (default 10 min; Linux only).
	CPU time.Duration
	// Stall is the longest that one change, or reading the result, may take
	// (default 30 s).
	Stall time.Duration
	// Prover is the command of a program that loads snapshots as clients of today do,
	// such as baton-prove of the npm package @baton-relay/client; nil for none. It
	// has the same limits; Memory bounds its data.
	Prover []string
}

func (e Engine) withDefaults() Engine {
	e.Memory = cmp.Or(e.Memory, 4<<30)
	e.CPU = cmp.Or(e.CPU, 10*time.Minute)
	e.Stall = cmp.Or(e.Stall, 30*time.Second)
	return e
}

// Want says what of a document is asked for, beside its heads.
type Want struct {
	Save    bool `json:"save,omitempty"`    // a snapshot, loaded again for proof
	JSON    bool `json:"json,omitempty"`    // the content as plain JSON
	Typed   bool `json:"typed,omitempty"`   // the content as JSON that loses nothing, in place of plain
	Changes bool `json:"changes,omitempty"` // each change, in an order that applies
	// Anew, if not 0, asks for all this of a new document with the same content,
	// made in changes of about so many bytes, and for what it leaves behind.
	Anew int `json:"anew,omitempty"`
}

// Job is a document to make.
type Job struct {
	// Base is a snapshot that the ops build on, or nil.
	Base []byte
	// Ops calls visit with the ops in the order of the log until it returns false.
	// It is called again for each attempt, and must give the same ops then. nil
	// means none.
	Ops func(visit func(*oplog.Entry) bool) error
	// View, if not nil, asks for the document as it was when exactly the changes
	// were there that it names.
	View *clock.Vector
	Want Want
	// SkipBad goes on without ops that cannot be applied, and those that follow
	// from them.
	SkipBad bool
	// Progress, unless nil, is told how many ops were applied so far. It is
	// called by one goroutine at a time.
	Progress func(ops int)
}

// State is a document at one moment.
type State struct {
	Heads   []Hash // ascending
	Save    []byte
	JSON    []byte
	Changes [][]byte
	Left    Left
	// Ops is how many ops are in it beyond the base, and Skipped those that are not,
	// in the order of the log.
	Ops     int
	Skipped []*OpError
}

// BaseError says that the snapshot which a document begins with is no good, or,
// with a *[LaterError], not for this program.
type BaseError struct{ Err error }

func (e *BaseError) Error() string { return fmt.Sprintf("the snapshot: %v", e.Err) }

func (e *BaseError) Unwrap() error { return e.Err }

// LimitError says that a document takes more than an Engine gives it, and that no
// single op is to blame.
type LimitError struct {
	What   string       // memory or processor time, and how much of it there is
	Offset oplog.Offset // of the op at which it was at an end, 0 if before the first
}

func (e *LimitError) Error() string {
	if e.Offset == 0 {
		return fmt.Sprintf("to begin with the document takes more %s", e.What)
	}
	return fmt.Sprintf("the document takes more %s (at offset %d)", e.What, e.Offset)
}

// Run makes a document. An op that cannot be part of it is an *[OpError], unless
// the job says to go on without. Other errors: [ErrUnavailable], *[BaseError],
// *[LimitError], those of the ops, that of ctx.
func (e Engine) Run(ctx context.Context, job Job) (*State, error) {
	if !available {
		return nil, ErrUnavailable
	}
	if err := laterAutomerge(job.Base); err != nil {
		return nil, &BaseError{err}
	}
	r := run{Engine: e.withDefaults(), job: job, skip: map[clock.Dot]error{}}
	state, err := r.run(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(state.Skipped, func(a, b *OpError) int { return cmp.Compare(a.Offset, b.Offset) })
	return state, nil
}

// run makes one document, in as many attempts as it takes.
type run struct {
	Engine
	job  Job
	skip map[clock.Dot]error // ops that an attempt died of
	fed  []fedOp             // what the last attempt got
}

func (r *run) run(ctx context.Context) (*State, error) {
	a := attempt{exact: noIndex, limit: noIndex}
	for {
		state, err := r.proven(ctx, a)
		if err == nil {
			return state, nil
		}
		died, ok := errors.AsType[*death](err)
		if !ok {
			return nil, err
		}
		if !died.reading && died.several {
			a.exact = died.index // which one of them?
			continue
		}
		bad, err := r.blame(ctx, a, died)
		if err != nil {
			return nil, err
		}
		if !r.job.SkipBad {
			return nil, bad
		}
		r.skip[bad.Op] = bad.Err
		a.exact = noIndex
	}
}

// proven makes an attempt, and loads its snapshot in a process of its own: it is
// good if it has the same heads there.
func (r *run) proven(ctx context.Context, a attempt) (*State, error) {
	state, err := r.attempt(ctx, a)
	if err != nil || !r.job.Want.Save {
		return state, err
	}
	again, err := r.reload(ctx, state.Save)
	if err == nil && !slices.Equal(state.Heads, again) {
		err = fmt.Errorf("it has other heads once it is loaded again: %v, not %v", again, state.Heads)
	}
	if err != nil && ctx.Err() == nil {
		return nil, &death{reading: true, index: uint32(len(r.fed)), reason: fmt.Errorf("what Automerge saves cannot be loaded again: %v", err)}
	}
	return state, err
}

// reload returns the heads that a snapshot has in a new process.
func (r *run) reload(ctx context.Context, snapshot []byte) ([]Hash, error) {
	fresh := run{Engine: r.Engine, job: Job{Base: snapshot}}
	state, err := fresh.attempt(ctx, attempt{exact: noIndex, limit: noIndex})
	if err != nil {
		return nil, err
	}
	return state.Heads, nil
}

// blame finds the op that an attempt died of.
func (r *run) blame(ctx context.Context, a attempt, died *death) (*OpError, error) {
	fed := r.fed
	if !died.reading {
		return died.blame(fed)
	}
	// Reading the result went wrong: after how many ops does it begin to?
	good, bad := uint32(0), died.index
	for a.limit = 0; ; a.limit = good + (bad-good)/2 {
		_, err := r.proven(ctx, a)
		next, ok := errors.AsType[*death](err)
		switch {
		case err == nil:
			good = a.limit
		case !ok:
			return nil, err
		case a.limit == 0 && r.job.Base != nil:
			return nil, &BaseError{next}
		case a.limit == 0:
			return nil, fmt.Errorf("an empty document: %w", next.reason)
		default:
			bad, died = a.limit, next
		}
		if good+1 >= bad {
			died.index = bad - 1
			return died.blame(fed)
		}
	}
}

// blame returns the op that a child died of, as the last one that it got.
func (d *death) blame(fed []fedOp) (*OpError, error) {
	if int(d.index) >= len(fed) {
		return nil, d
	}
	op := fed[d.index]
	if d.lacks != "" && op.ops < largeChange {
		return nil, &LimitError{d.lacks, op.offset}
	}
	return &OpError{op.offset, op.dot, d.reason}, nil
}

// largeChange is how many Automerge ops a change must have to be blamed where
// memory or time is at an end. With fewer it is the document that is too large.
const largeChange = 10_000
