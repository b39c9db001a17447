package doc

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// collector takes what a child answers.
type collector struct {
	run   *run
	in    *bufio.Reader
	stall *time.Timer // runs while the child is at work

	state   State
	refused []refusal
	busy    bool   // the child has begun with the ops
	applied bool   // all ops were tried, and results are being made
	index   uint32 // of the first change that is being tried
	trying  uint32 // how many
}

// refusal is a change that the child did not take, and lived.
type refusal struct {
	index  uint32
	reason string
}

func (r *refusal) Error() string { return r.reason }

// complaint is what a child says of why there is no result.
type complaint string

func (c complaint) Error() string { return string(c) }

var errStalled = errors.New("stalled")

// collect reads until the child is done (nil), refuses a change where that is
// the end, complains, or is gone ([io.EOF]).
func (c *collector) collect() error {
	var buf []byte
	for {
		kind, body, err := readFrame(c.in, &buf)
		if err != nil {
			return io.EOF
		}
		if kind == frameDone {
			return nil
		}
		if err := c.take(kind, body); err != nil {
			return err
		}
		switch kind {
		case frameIdle:
			c.stall.Stop()
		case frameSave, frameJSON:
			buf = nil // it is kept
			fallthrough
		default:
			c.stall.Reset(c.run.Stall)
		}
	}
}

func (c *collector) take(kind byte, body []byte) error {
	if len(body) < headLen[kind] {
		return complaint(fmt.Sprintf("a frame %q of %d bytes", kind, len(body)))
	}
	switch kind {
	case frameIdle, frameLoading:
	case frameStep:
		c.busy = true
		c.index, c.trying = binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
		if c.run.job.Progress != nil {
			c.run.job.Progress(int(c.index))
		}
	case frameRefused:
		r := refusal{binary.BigEndian.Uint32(body), string(body[4:])}
		if !c.run.job.SkipBad {
			return &r
		}
		c.refused = append(c.refused, r)
	case frameReading:
		c.applied = true
	case frameHeads:
		for ; len(body) >= len(Hash{}); body = body[len(Hash{}):] {
			c.state.Heads = append(c.state.Heads, Hash(body[:len(Hash{})]))
		}
	case frameSave:
		c.state.Save = body
	case frameJSON:
		c.state.JSON = body
	case frameRaw:
		c.state.Changes = append(c.state.Changes, append([]byte(nil), body...))
	case frameLeft:
		if err := json.Unmarshal(body, &c.state.Left); err != nil {
			return complaint(err.Error())
		}
	case frameError:
		return complaint(body)
	default:
		return complaint(fmt.Sprintf("the child says %q", kind))
	}
	return nil
}

// headLen is the least length of a frame's body, 0 where it is not here.
var headLen = map[byte]int{frameStep: 8, frameRefused: 4}

// finished completes the state.
func (c *collector) finished(f *feeder) (*State, error) {
	s := &c.state
	s.Skipped = f.skipped
	for _, r := range c.refused {
		bad, err := r.op(f.fed)
		if err != nil {
			return nil, err
		}
		s.Skipped = append(s.Skipped, bad)
	}
	s.Ops = len(f.fed) - len(c.refused)
	return s, nil
}

// op returns the refused op.
func (r *refusal) op(fed []fedOp) (*OpError, error) {
	if int(r.index) >= len(fed) {
		return nil, fmt.Errorf("child: it refuses op %d of %d", r.index, len(fed))
	}
	return &OpError{fed[r.index].offset, fed[r.index].dot, r}, nil
}

// death is the end of a child that an op may be to blame for.
type death struct {
	reading bool   // the result; else an op was being applied
	index   uint32 // of the op, or of the first of several; reading: how many there were
	several bool
	lacks   string // what the child had too little of, empty if that was not why
	reason  error
}

func (d *death) Error() string { return d.reason.Error() }

func (d *death) Unwrap() error { return d.reason }

// failed says what an attempt came to nothing of.
func (c *collector) failed(result, cause, exit error, words string) error {
	if r, ok := errors.AsType[*refusal](result); ok {
		bad, err := r.op(c.run.fed)
		if err != nil {
			return err
		}
		return bad
	}
	died := &death{reading: c.applied, index: c.index, several: c.trying > 1}
	if c.applied {
		died.index = uint32(len(c.run.fed))
	}
	said, complained := errors.AsType[complaint](result)
	switch {
	case complained:
		died.reason = said
	case errors.Is(cause, errStalled):
		died.reason = fmt.Errorf("it keeps Automerge busy for more than %v", c.run.Stall)
	default:
		died.lacks, died.reason = c.run.reason(exit, words)
	}
	switch begun := c.busy || c.applied; {
	case !begun && died.lacks != "":
		return &LimitError{What: died.lacks}
	case !begun && c.run.job.Base != nil:
		return &BaseError{died.reason}
	case !begun:
		return fmt.Errorf("child: %w", died.reason)
	}
	return died
}

// reason makes a sentence of how a child died, and says what it lacked, if that
// was why.
func (e Engine) reason(exit error, words string) (lacks string, reason error) {
	switch {
	case strings.Contains(words, "memory allocation of"), strings.Contains(words, "out of memory"), strings.Contains(words, "cannot allocate memory"):
		lacks = fmt.Sprintf("memory than the %d MiB it may have", e.Memory>>20)
	case strings.Contains(words, "SIGXCPU"), processorTime(exit) >= e.CPU:
		lacks = fmt.Sprintf("processor time than the %v it may have", e.CPU)
	case strings.Contains(fmt.Sprint(exit), "signal: killed"): // not by its parent
		lacks = "memory than this machine has"
	}
	if lacks != "" {
		return lacks, fmt.Errorf("it takes Automerge more %s", lacks)
	}
	said := strings.Join(strings.Fields(words), " ")
	if said == "" {
		said = fmt.Sprint(exit)
	}
	return "", fmt.Errorf("it crashes Automerge: %.300s", said)
}

// processorTime returns what an ended process took.
func processorTime(exit error) time.Duration {
	if e, ok := errors.AsType[*exec.ExitError](exit); ok {
		return e.UserTime() + e.SystemTime()
	}
	return 0
}
