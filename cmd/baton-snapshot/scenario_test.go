package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/auth"
)

var update = flag.Bool("update", false, "write what the program says into testdata and docs")

// TestScenarios plays testdata/script. Beside the commands of testscript there are:
//
//	typed DOC ACTOR:N …         ops of the format json, a minute apart from 10:00 on. Who writes has seen what came
//	                            before; with a comma between (alice:2,bob:1) they write without seeing each other.
//	                            laptop@alice:3 is actor laptop of the subject alice.
//	updates DOC FILE            a Yjs document made of the updates in a file
//	spoil DOC OFFSET            another bit in a payload, as if its author had sent it so
//	flip FILE TEXT              another bit in a file where a text stands, as a disk may do it
//	relay start DIR [TOKENS]    a relay on the log of a directory; $URL is where, for others than data $DIR_URL. A
//	                            number in place of tokens is its --max-frame
//	relay stop DIR
//	exits CODE PROGRAM …        run a program that must end with this exit code
//	build NAME                  build the program without cgo
//	borrow FILE MODULE PATH     copy a file of a Go module that this one needs
//	prints FILE                 what was printed is what the file has, in which <word> stands for any word
//
// The log is data/oplog.db, which is where the program looks if nothing is said.
func TestScenarios(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup:              setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"typed": typed, "updates": updates, "spoil": spoil, "flip": flip, "relay": runRelay, "exits": exitsWith, "build": build, "borrow": borrow, "prints": prints,
		},
	})
}

// builtProver returns the path of the real prover, as the npm package has it.
func builtProver() (string, error) {
	file, err := filepath.Abs(filepath.Join("..", "..", "client", "js", "dist", "prove.js"))
	if err == nil {
		_, err = os.Stat(file)
	}
	if err != nil {
		return "", fmt.Errorf("the prover is not built; run `make deps`, or `npm run build` in client/js: %w", err)
	}
	return file, nil
}

// foreignFile is of Automerge's own tests: its core of 2023 loads it, later ones do not.
const foreignFile = "zero-width-mark.automerge"

// documentFiles are what the scripts in testdata make.
var documentFiles = []string{"plan.automerge", "plan-begun.automerge", "kinds.automerge", "board.automerge", "pasted.automerge", "formatted.automerge", "later.automerge", "scripts.automerge", "notes.yjs"}

type relaysKey struct{}

func setUp(e *testscript.Env) error {
	e.Setenv("TZ", "UTC")
	e.Setenv("BATON_PROVER", "none") // unless a scenario sets it to $PROVER
	prover, err := builtProver()
	if err != nil {
		return err
	}
	e.Setenv("PROVER", prover)
	e.Setenv("GORACE", os.Getenv("GORACE"))
	for _, name := range append([]string{foreignFile}, documentFiles...) {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(e.WorkDir, name), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	relays := map[string]func(){}
	e.Values[relaysKey{}] = relays
	e.Defer(func() {
		for _, stop := range relays {
			stop()
		}
	})
	return nil
}

// writeLog opens the log of a scenario for a change, and checks it afterwards.
func writeLog(ts *testscript.TestScript, change func(*bolt.Log) error) {
	path := ts.MkAbs("data/oplog.db")
	log, err := bolt.Open(path, bolt.Options{})
	ts.Check(err)
	ts.Check(errors.Join(change(log), closeLog(log, path)))
}

func closeLog(log *bolt.Log, path string) error {
	var found error
	err := log.Close()
	return errors.Join(err, bolt.CheckFile(context.Background(), path, func(e *oplog.CorruptionError) { found = e }), found)
}

// start is when the first op of each document was written.
var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func typed(ts *testscript.TestScript, _ bool, args []string) {
	writeLog(ts, func(log *bolt.Log) error {
		a := oplog.Append{Doc: oplog.DocID(args[0]), Format: doc.JSON}
		at := start
		var seen clock.Vector
		switch state, err := log.State(context.Background(), a.Doc); {
		case err == nil:
			a.Epoch, seen, at = state.Epoch, state.Heads.Clock, time.UnixMilli(state.At).Add(time.Minute)
		case !errors.Is(err, oplog.ErrNotFound):
			return err
		}
		for _, together := range args[1:] {
			before := seen.Clone()
			for part := range strings.SplitSeq(together, ",") {
				name, count, _ := strings.Cut(part, ":")
				actor, by, _ := strings.Cut(name, "@")
				n, err := strconv.Atoi(count)
				if err != nil {
					return err
				}
				for i := range n {
					op := oplog.Op{Dot: clock.Dot{Actor: clock.Actor(actor), Seq: seen.Get(clock.Actor(actor)) + 1}}
					op.Payload = json.RawMessage(fmt.Sprintf(`"%s %d"`, op.Actor, op.Seq))
					if i == 0 {
						op.Clock = without(before, op.Actor)
					}
					seen.Raise(op.Actor, op.Seq)
					a.Entries = append(a.Entries, oplog.Entry{Op: op, By: by, At: at.UnixMilli()})
					at = at.Add(time.Minute)
				}
			}
		}
		_, err := log.Append(context.Background(), a)
		return err
	})
}

// without returns a clock without an actor.
func without(v clock.Vector, actor clock.Actor) (rest clock.Vector) {
	for a, seq := range v.All() {
		if a != actor {
			rest.Raise(a, seq)
		}
	}
	return rest
}

func updates(ts *testscript.TestScript, _ bool, args []string) {
	rest := []byte(ts.ReadFile(args[1]))
	writeLog(ts, func(log *bolt.Log) error {
		a := oplog.Append{Doc: oplog.DocID(args[0]), Format: doc.Yjs}
		for n := uint64(1); len(rest) > 0; n++ {
			size := binary.BigEndian.Uint32(rest)
			payload, _ := json.Marshal(base64.StdEncoding.EncodeToString(rest[4 : 4+size]))
			a.Entries = append(a.Entries, oplog.Entry{
				Op: oplog.Op{Dot: clock.Dot{Actor: "writer", Seq: n}, Payload: payload},
				At: start.Add(time.Duration(n-1) * time.Minute).UnixMilli(),
			})
			rest = rest[4+size:]
		}
		_, err := log.Append(context.Background(), a)
		return err
	})
}

func spoil(ts *testscript.TestScript, _ bool, args []string) {
	offset, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	writeLog(ts, func(log *bolt.Log) error {
		id := oplog.DocID(args[0])
		state, err := log.State(context.Background(), id)
		if err != nil {
			return err
		}
		a := oplog.Append{Doc: id, Format: state.Format}
		_, err = log.Read(context.Background(), id, state.Epoch, 0, func(e *oplog.Entry) bool {
			entry := owned(e)
			if entry.Offset == oplog.Offset(offset) {
				payload, _ := doc.Payload(e)
				payload[len(payload)-1] ^= 1
				entry.Payload, _ = json.Marshal(base64.StdEncoding.EncodeToString(payload))
			}
			entry.Offset = 0
			a.Entries = append(a.Entries, entry)
			return true
		})
		if err == nil {
			err = log.Delete(context.Background(), id)
		}
		if err == nil {
			_, err = log.Append(context.Background(), a)
		}
		return err
	})
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	content := []byte(ts.ReadFile(args[0]))
	i := strings.Index(string(content), args[1])
	if i < 0 {
		ts.Fatalf("%s does not have %q", args[0], args[1])
	}
	content[i] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

func runRelay(ts *testscript.TestScript, _ bool, args []string) {
	relays := ts.Value(relaysKey{}).(map[string]func())
	dir := args[1]
	if args[0] == "stop" {
		relays[dir]()
		delete(relays, dir)
		return
	}
	path := ts.MkAbs(filepath.Join(dir, "oplog.db"))
	log, err := bolt.Open(path, bolt.Options{CommitInterval: -1})
	ts.Check(err)
	config := relay.Config{Log: log}
	if len(args) > 2 {
		config.Limits.FrameBytes, err = strconv.Atoi(args[2])
	}
	if err != nil {
		config.Auth, err = auth.OpenTokens(ts.MkAbs(args[2]), nil)
		ts.Check(err)
	}
	r := relay.New(config)
	server := httptest.NewServer(r)
	relays[dir] = func() {
		r.Close()
		server.Close()
		ts.Check(closeLog(log, path))
	}
	variable := "URL"
	if dir != "data" {
		variable = strings.ToUpper(dir) + "_URL"
	}
	ts.Setenv(variable, server.URL)
}

func exitsWith(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func build(ts *testscript.TestScript, _ bool, args []string) {
	cmd := exec.Command("go", "build", "-o", ts.MkAbs(args[0]), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("build: %v\n%s", err, out)
	}
}

func borrow(ts *testscript.TestScript, _ bool, args []string) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", args[1])
	dir, err := list.Output()
	ts.Check(err)
	content, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), args[2]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

func prints(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.QuoteMeta(ts.ReadFile(args[0]))
	want = regexp.MustCompile(`<[a-z ]+>`).ReplaceAllString(want, `\S+`)
	if got := ts.ReadFile("stdout"); !regexp.MustCompile(`\A` + want + `\z`).MatchString(got) {
		ts.Fatalf("it printed\n%s\nwant\n%s", got, ts.ReadFile(args[0]))
	}
}
