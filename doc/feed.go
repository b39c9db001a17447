package doc

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// fedOp is an op that a child got.
type fedOp struct {
	offset oplog.Offset
	dot    clock.Dot
	ops    int // Automerge's
}

// feeder gives a child what it is to apply. It is the work of one goroutine.
type feeder struct {
	run *run
	out *bufio.Writer

	fed     []fedOp
	skipped []*OpError
	err     error // why the attempt makes no sense; that the child is gone is none
}

// errGone says that the child takes no more.
var errGone = errors.New("the child is gone")

func (f *feeder) feed(limit uint32) error {
	err := f.write(limit)
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

func (f *feeder) write(limit uint32) error {
	if base := f.run.job.Base; base != nil {
		if err := f.frame(frameBase, base); err != nil {
			return err
		}
	}
	if f.run.job.Ops != nil {
		var failed error
		err := f.run.job.Ops(func(e *oplog.Entry) bool {
			if len(f.fed) < int(limit) {
				failed = f.op(e)
				return failed == nil
			}
			return false
		})
		if err := errors.Join(failed, err); err != nil {
			return err
		}
	}
	var view []byte
	if v := f.run.job.View; v != nil {
		view = v.AppendBinary(nil)
	}
	if err := f.frame(frameFinish, view); err != nil {
		return err
	}
	if f.out.Flush() != nil {
		return errGone
	}
	return nil
}

// op gives the child one op, if it can be read here.
func (f *feeder) op(e *oplog.Entry) error {
	bad := f.run.skip[e.Dot]
	var raw []byte
	var head *Change
	if bad == nil {
		raw, head, bad = ReadOp(e)
	}
	if bad != nil {
		wrong := &OpError{e.Offset, e.Dot, bad}
		if !f.run.job.SkipBad {
			return wrong
		}
		f.skipped = append(f.skipped, wrong)
		return nil
	}
	f.fed = append(f.fed, fedOp{e.Offset, e.Dot, head.Ops})
	return f.frame(frameChange, raw)
}

func (f *feeder) frame(kind byte, body []byte) error {
	if len(body) > maxFrame {
		return fmt.Errorf("%d bytes are more than can be applied", len(body))
	}
	if writeFrame(f.out, kind, body) != nil {
		return errGone
	}
	return nil
}
