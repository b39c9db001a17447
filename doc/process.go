package doc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	// childVariable tells a process that it is a child, and carries its order.
	childVariable = "BATON_DOC_CHILD"
	// lifeline is the file that ends in the child when the parent is gone.
	lifeline = 3
)

// order is what a child is told before it reads a frame.
type order struct {
	Memory int64         `json:"memory"`
	CPU    time.Duration `json:"cpu"`
	Exact  uint32        `json:"exact"` // from this index on, changes are applied one by one
	Want   Want          `json:"want"`
}

const noIndex = 1<<32 - 1

// attempt is one child process, and what it is fed.
type attempt struct {
	exact uint32 // see order
	limit uint32 // how many ops it gets
}

// attempt starts a child, feeds it, collects what it answers and says what came
// of it. A child that died is a *[death].
func (r *run) attempt(ctx context.Context, a attempt) (*State, error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p, err := r.start(inner, a)
	if err != nil {
		return nil, fmt.Errorf("start child: %w", err)
	}
	f := feeder{run: r, out: bufio.NewWriterSize(p.in, 1<<16)}
	var feeding sync.WaitGroup
	feeding.Go(func() {
		if f.err = f.feed(a.limit); f.err != nil {
			cancel(f.err)
		}
		// A child that is to go on reads to the end of its input, and no further.
		p.in.Close()
	})
	c := collector{run: r, in: bufio.NewReaderSize(p.out, 1<<16)}
	c.stall = time.AfterFunc(r.Stall, func() { cancel(errStalled) })
	result := c.collect()
	c.stall.Stop()
	if result != nil && !errors.Is(result, io.EOF) {
		cancel(result)
	}
	p.in.Close() // a feeder that writes to a child which is gone ends by this
	feeding.Wait()
	exit := p.cmd.Wait()
	p.life.Close()
	r.fed = f.fed
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case f.err != nil:
		return nil, f.err
	case result == nil:
		return c.finished(&f)
	}
	return nil, c.failed(result, context.Cause(inner), exit, p.words.String())
}

// process is a child as its parent has it.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.Reader
	life  *os.File // ends in the child with this process
	words lastWords
}

func (r *run) start(ctx context.Context, a attempt) (*process, error) {
	text, err := json.Marshal(order{r.Memory, r.CPU, a.exact, r.job.Want})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p := &process{cmd: exec.CommandContext(ctx, self), life: ours}
	p.cmd.Env = []string{childVariable + "=" + string(text), "GOTRACEBACK=none"}
	if raceDetector {
		p.cmd.Env = append(p.cmd.Env, "GORACE=atexit_sleep_ms=0") // else each child takes a second to end
	}
	p.cmd.ExtraFiles = []*os.File{theirs}
	p.cmd.Stderr = &p.words
	p.in, err = p.cmd.StdinPipe()
	if err == nil {
		p.out, err = p.cmd.StdoutPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		ours.Close()
		return nil, err
	}
	return p, nil
}

// lastWords keeps the beginning of what a child says as it dies: the panic of
// Automerge comes first.
type lastWords struct{ bytes.Buffer }

func (w *lastWords) Write(p []byte) (int, error) {
	w.Buffer.Write(p[:min(len(p), max(0, 4096-w.Len()))])
	return len(p), nil
}
