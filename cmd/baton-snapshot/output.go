package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
)

// output says how results are printed.
type output struct {
	JSON  bool `name:"json" help:"Print results as JSON." group:"Output:"`
	Quiet bool `short:"q" help:"Print results only: no progress, no remarks." group:"Output:"`
}

// limits are those of the processes that open documents.
type limits struct {
	Memory    int           `default:"4096" placeholder:"MIB" help:"Address space that opening one document may take, in MiB. (${default}; Linux only)" group:"Limits of opening a document:"`
	CPU       time.Duration `name:"cpu" default:"10m" placeholder:"TIME" help:"Processor time that it may take. (${default}; Linux only)" group:"Limits of opening a document:"`
	AtOnce    int           `default:"0" placeholder:"N" help:"How many documents are opened at once, where a command opens many; 0 for as many as there are processors." group:"Limits of opening a document:"`
	OpTimeout time.Duration `default:"30s" placeholder:"TIME" help:"Longest that one op may take. (${default})" group:"Limits of opening a document:"`
}

// maxMemory is more address space than a process can have, in MiB: 128 TiB.
const maxMemory = 128 << 20

// validate says what is wrong with the flags.
func (l *limits) validate() error {
	switch {
	case l.Memory < 1 || l.Memory > maxMemory:
		return fmt.Errorf("--memory must be from 1 to %d MiB, not %d", maxMemory, l.Memory)
	case l.CPU <= 0 || l.OpTimeout <= 0:
		return errors.New("--cpu and --op-timeout must be more than 0s")
	case l.AtOnce < 0:
		return errors.New("--at-once must not be negative")
	}
	return nil
}

func (l *limits) engine() doc.Engine {
	return doc.Engine{Memory: int64(l.Memory) << 20, CPU: l.CPU, Stall: l.OpTimeout}
}

// tool is what all commands have.
type tool struct {
	*source
	*output
	ctx      context.Context
	engine   doc.Engine
	atOnce   int // how many documents are opened at once
	out, err *os.File
	bar      *progressbar.ProgressBar // the last one that was shown, or nil
}

// print writes a result: v as JSON, or what text writes.
func (t *tool) print(v any, text func(w io.Writer) error) error {
	if !t.JSON {
		return text(t.out)
	}
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// remark tells a person something that is not a result.
func (t *tool) remark(format string, args ...any) {
	if t.Quiet {
		return
	}
	t.clear()
	fmt.Fprintf(t.err, format+"\n", args...)
}

// clear takes away the progress that is shown.
func (t *tool) clear() {
	if t.bar != nil {
		_ = t.bar.Clear()
	}
}

// unit is what progress counts.
type unit string

const (
	unitDocs  unit = "docs"
	unitOps   unit = "ops"
	unitBytes unit = "bytes"
)

// progress shows how far long work is, on a terminal. The caller ends it by Clear.
func (t *tool) progress(total int64, what string, of unit) *progressbar.ProgressBar {
	if t.Quiet || !term.IsTerminal(int(t.err.Fd())) {
		return progressbar.DefaultSilent(total, what)
	}
	o := []progressbar.Option{
		progressbar.OptionSetWriter(t.err), progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionSetWidth(24), progressbar.OptionUseANSICodes(true),
	}
	switch of {
	case unitBytes:
		o = append(o, progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true))
	case unitOps:
		o = append(o, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(string(of)))
	case unitDocs:
		o = append(o, progressbar.OptionShowCount())
	}
	t.bar = progressbar.NewOptions64(total, o...)
	return t.bar
}

// docsProgress shows how far work on documents is: by documents, or by the ops of
// a single one, of which op is told then. done is told of each document.
func (t *tool) docsProgress(log store, docs []oplog.DocID, what string) (op func(n int), done func()) {
	if len(docs) == 1 {
		if state, err := log.State(t.ctx, docs[0]); err == nil {
			bar := t.progress(int64(state.Head), what, unitOps)
			return func(n int) { _ = bar.Set(n) }, func() { _ = bar.Clear() }
		}
	}
	bar := t.progress(int64(len(docs)), what, unitDocs)
	return nil, func() { _ = bar.Add(1) }
}

// width is how many columns the output has.
func (t *tool) width() int {
	if w, _, err := term.GetSize(int(t.out.Fd())); err == nil && w > 20 {
		return w
	}
	return 100
}

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func count(n int) string { return humanize.Comma(int64(n)) }

// counted is a count with its noun: "1 op", "2,000 ops".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// printable keeps a name that somebody wrote into a document from moving the
// cursor, or filling the screen.
func printable(name string) string {
	runes := []rune(name)
	if len(runes) > 40 {
		runes = append(runes[:39], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = unicode.ReplacementChar
		}
	}
	return string(runes)
}

// ms is a time as JSON has it: RFC 3339, in UTC, with milliseconds.
type ms int64

// MarshalText implements [encoding.TextMarshaler].
func (m ms) MarshalText() ([]byte, error) {
	return []byte(doc.ISO(time.UnixMilli(int64(m)))), nil
}

// String is the time for a person, in local time.
func (m ms) String() string {
	if m == 0 {
		return "–"
	}
	return time.UnixMilli(int64(m)).Format("2006-01-02 15:04:05")
}
