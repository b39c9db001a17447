// Command baton-snapshot looks into the documents of a log, at any moment of
// their past, and keeps the log small and safe: it exports, compares, compacts,
// verifies, backs up, imports and replays.
//
// It works on a log file that no relay holds (--log data/oplog.db) or on a
// running relay (--url http://localhost:8080 --token T). docs/snapshot.md is its
// manual; `baton-snapshot --help` is the short form.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// version is set by the linker in releases.
var version = "0.1.0-dev"

type commands struct {
	Source source `embed:""`
	Output output `embed:""`
	Limits limits `embed:""`

	List    listCmd    `cmd:"" help:"List documents: head, actors, ops, bytes, last activity, snapshot."`
	Show    showCmd    `cmd:"" help:"Show one document: its clock, who wrote it, how it grew."`
	Export  exportCmd  `cmd:"" help:"Write a document out, as it is or as it was at any moment."`
	Log     logCmd     `cmd:"" help:"List a document's ops, or draw their causal history."`
	Diff    diffCmd    `cmd:"" help:"Say what changed between two moments."`
	Compact compactCmd `cmd:"" help:"Store a proven snapshot, so that late joiners load that in place of ops; prune ops it covers."`
	Verify  verifyCmd  `cmd:"" help:"Hold documents against everything the log promises, and say what is wrong, and where."`
	Backup  backupCmd  `cmd:"" help:"Copy the whole log, as it is at one moment."`
	Restore restoreCmd `cmd:"" help:"Make a log, or a relay's documents, from a backup."`
	Import  importCmd  `cmd:"" help:"Make documents from .automerge files."`
	Replay  replayCmd  `cmd:"" help:"Send a document's ops to another relay, at any speed."`

	Completion completionCmd `cmd:"" help:"Print what lets a shell complete commands, flags and documents: bash, zsh or fish."`
	Complete   completeCmd   `cmd:"" hidden:""`
	Reference  referenceCmd  `cmd:"" hidden:""`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// Validate says what is wrong with flags that all commands have.
func (c *commands) Validate() error { return c.Limits.validate() }

const (
	exitFailed      = 1
	exitFound       = 2
	exitNotHere     = 3
	exitUnavailable = 4
	exitUsage       = 80 // the parser's own
)

// exits says what the exit codes mean.
var exits = []struct {
	code    int
	meaning string
}{
	{0, "All went well."},
	{exitFailed, "Something went wrong; a sentence on standard error says what, and what to do."},
	{exitFound, "verify found something wrong. Of other commands: what they read is damaged, or an op or a snapshot cannot be used."},
	{exitNotHere, "The document is of a format that this program cannot open."},
	{exitUnavailable, "This program was built without Automerge, and the document would have to be opened."},
	{exitUsage, "The command line makes no sense."},
}

func main() {
	doc.Child()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

const description = `Looks into the documents of a Baton log, at any moment of their past, and keeps the log small and safe.

It works on a log file that no relay holds (--log FILE; ./data/oplog.db if nothing is said) or on a running relay (--url URL). A moment (--at, --from, --to) is ` + doc.MomentHelp + `.`

func newParser(cli *commands, stdout, stderr *os.File) *kong.Kong {
	return kong.Must(cli,
		kong.Name("baton-snapshot"),
		kong.Description(description),
		kong.Vars{"version": "baton-snapshot " + version, "max_frame": fmt.Sprint(wire.DefaultFrameBytes)},
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

func run(args []string, stdout, stderr *os.File) int {
	var cli commands
	parser := newParser(&cli, stdout, stderr)
	command, err := parser.Parse(args)
	if err == nil {
		err = cli.Source.choose(command)
	}
	if err != nil {
		about := ""
		if wrong, ok := errors.AsType[*kong.ParseError](err); ok && wrong.Context.Selected() != nil {
			about = wrong.Context.Selected().Name + " "
		}
		fmt.Fprintf(stderr, "baton-snapshot: %v\n\"baton-snapshot %s--help\" says what there is.\n", err, about)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := &tool{ctx: ctx, source: &cli.Source, output: &cli.Output, engine: cli.Limits.engine(), atOnce: cmp.Or(cli.Limits.AtOnce, runtime.NumCPU()), out: stdout, err: stderr}
	err = command.Run(t)
	t.clear()
	if err != nil && !errors.Is(err, errFound) {
		fmt.Fprintf(stderr, "baton-snapshot: %v\n", t.advise(err, documentOf(command)))
	}
	return exitCode(err)
}

// documentOf returns the document that a command line names, if any.
func documentOf(command *kong.Context) docArg {
	for _, arg := range command.Selected().Positional {
		if id, ok := arg.Target.Interface().(docArg); ok {
			return id
		}
	}
	return ""
}

// tooLarge reports whether an op is larger, or has more in it, than is taken.
func tooLarge(err error) bool {
	rejected, _ := errors.AsType[*admin.RejectedError](err)
	unfit, _ := errors.AsType[*unfitError](err)
	change, _ := errors.AsType[*doc.ChangeError](err)
	return rejected != nil && rejected.Code == wire.TooLarge || unfit != nil && !unfit.fresh || change != nil && change.Fault == doc.TooLarge
}

// errFound ends a command that has printed what is wrong.
var errFound = errors.New("something was found")

func exitCode(err error) int {
	format, _ := errors.AsType[*doc.FormatError](err)
	op, _ := errors.AsType[*doc.OpError](err)
	base, _ := errors.AsType[*doc.BaseError](err)
	corrupt, _ := errors.AsType[*oplog.CorruptionError](err)
	proof, _ := errors.AsType[*doc.ProofError](err)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound), op != nil, base != nil, corrupt != nil, proof != nil:
		return exitFound
	case format != nil:
		return exitNotHere
	case errors.Is(err, doc.ErrUnavailable):
		return exitUnavailable
	}
	return exitFailed
}

// advise adds what to do.
func (t *tool) advise(err error, named docArg) error {
	if _, ok := errors.AsType[*doc.OpError](err); ok {
		return fmt.Errorf("%w\nGive --skip-bad to go on without it, and without what follows from it", err)
	}
	if _, ok := errors.AsType[*doc.ProofError](err); ok {
		return fmt.Errorf("%w\nNothing was stored or let go. Snapshots that clients store themselves do without this one", err)
	}
	if lacks, ok := errors.AsType[*doc.LimitError](err); ok {
		return fmt.Errorf("%w; give more by --memory or --cpu", lacks)
	}
	if access, ok := errors.AsType[*admin.AccessError](err); ok {
		return access
	}
	if tooLarge(err) {
		return fmt.Errorf("%w\nA relay takes ops of up to three quarters of its --max-frame. An Automerge document becomes a new one of small ops, without its history, by:\n  baton-snapshot export DOC --as automerge -o FILE\n  baton-snapshot import FILE --as NEW --fresh", err)
	}
	if errors.Is(err, oplog.ErrNotFound) && named != "" {
		return fmt.Errorf("there is no document %s in %s; \"baton-snapshot list\" shows which there are", named, t.where())
	}
	return err
}
