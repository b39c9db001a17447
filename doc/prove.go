package doc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// ProofError says that the Automerge of today does not take a snapshot that the
// Automerge of this program takes.
type ProofError struct {
	With oplog.Maker // which Automerge that is
	Err  error
}

func (e *ProofError) Error() string {
	return fmt.Sprintf("clients of today cannot open the snapshot: %s: %v", e.With, e.Err)
}

func (e *ProofError) Unwrap() error { return e.Err }

// Current reports whether a maker is the Automerge that clients of today have: 3.5
// or later, which is what the npm package takes. The Automerge of this program is not.
func Current(m oplog.Maker) bool {
	version, ok := strings.CutPrefix(string(m), "automerge ")
	var major, minor int
	n, _ := fmt.Sscanf(version, "%d.%d.", &major, &minor)
	return ok && n == 2 && (major > 3 || major == 3 && minor >= 5)
}

// ownMaker names the Automerge of this program, for the snapshots that it makes.
var ownMaker = sync.OnceValue(func() oplog.Maker {
	const library = "automerge-go"
	if built, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range built.Deps {
			if version := strings.Split(strings.TrimPrefix(dep.Version, "v"), "-"); path.Base(dep.Path) == library && len(version) > 2 {
				return oplog.Maker(library + " " + version[0] + "-" + version[1])
			}
		}
	}
	return library
})

// Prove has the prover load a snapshot, as clients of today do, and compares its
// heads. A snapshot that does not load there, or has other heads, is a *[ProofError].
// Other errors: *[LimitError], that of ctx, and why the prover could not be run.
func (e Engine) Prove(ctx context.Context, snapshot []byte, heads []Hash) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e = e.withDefaults()
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(inner, e.Prover[0], e.Prover[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BATON_") }) // a token may be there
	var words lastWords
	cmd.Stderr = &words
	boundToParent(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return e.noProver(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return e.noProver(err)
	}
	if err := cmd.Start(); err != nil {
		return e.noProver(err)
	}
	stall := time.AfterFunc(e.Stall, func() { cancel(errStalled) })
	defer stall.Stop()
	p := dialogue{stall: func() { stall.Reset(e.Stall) }}
	err = limitData(cmd.Process.Pid, e.Memory, e.CPU)
	if err == nil {
		err = p.run(in, out, snapshot)
	}
	if err != nil {
		cancel(nil)
	}
	exit := cmd.Wait()
	said := words.String()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case p.answer != nil:
		return p.verdict(heads)
	case p.with == "":
		return e.noProver(errors.Join(err, errors.New(said)))
	case errors.Is(context.Cause(inner), errStalled):
		return &ProofError{p.with, fmt.Errorf("it keeps Automerge busy for more than %v", e.Stall)}
	}
	lacks, reason := e.reason(exit, said)
	if lacks != "" {
		return &LimitError{What: lacks}
	}
	return &ProofError{p.with, reason}
}

// noProver says that the prover could not be run.
func (e Engine) noProver(why error) error {
	return fmt.Errorf("run the prover %s: %s", e.Prover[0], strings.Join(strings.Fields(why.Error()), " "))
}

// dialogue is what a prover says.
type dialogue struct {
	stall func() // begins its time anew

	with   oplog.Maker
	answer *proof // nil until it comes
}

// proof is a line of the prover's.
type proof struct {
	With  oplog.Maker `json:"with"`
	Heads []string    `json:"heads"`
	Error string      `json:"error"`
}

// maxProof is how long a line of the prover's may be: it has the heads.
const maxProof = 16 << 20

// run gives the prover its snapshot once it has said which Automerge it has, and
// takes the answer.
func (p *dialogue) run(in io.WriteCloser, out io.Reader, snapshot []byte) error {
	defer in.Close()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxProof)
	first, err := p.next(lines)
	if err != nil {
		return err
	}
	if p.with = first.With; !Current(p.with) {
		err := fmt.Errorf("it has %q, and clients have Automerge 3.5 or later", p.with)
		p.with = ""
		return err
	}
	if _, err := io.Copy(in, bytes.NewReader(snapshot)); err != nil {
		return err
	}
	if err := in.Close(); err != nil {
		return err
	}
	p.answer, err = p.next(lines)
	return err
}

func (p *dialogue) next(lines *bufio.Scanner) (*proof, error) {
	if !lines.Scan() {
		return nil, errors.Join(lines.Err(), errors.New("it ended without an answer"))
	}
	p.stall()
	var line proof
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		return nil, fmt.Errorf("its answer makes no sense: %.80q", lines.Bytes())
	}
	return &line, nil
}

// verdict compares the heads.
func (p *dialogue) verdict(heads []Hash) error {
	if p.answer.Error != "" {
		return &ProofError{p.with, errors.New(p.answer.Error)}
	}
	want := make([]string, len(heads))
	for i, h := range heads {
		want[i] = hex.EncodeToString(h[:])
	}
	slices.Sort(want)
	got := slices.Sorted(slices.Values(p.answer.Heads))
	if !slices.Equal(got, want) {
		return &ProofError{p.with, fmt.Errorf("it has the heads %v there, and %v here", got, want)}
	}
	return nil
}
