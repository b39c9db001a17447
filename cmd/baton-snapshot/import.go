package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

type importCmd struct {
	Path         string `arg:"" help:"An .automerge file, or a directory of them."`
	As           string `placeholder:"DOC" help:"Name of the document; if not given, that of the file without its ending."`
	Fresh        bool   `help:"Make a new document with the same content out of small ops, and leave the history behind."`
	WithoutMarks bool   `help:"With --fresh: go on although the formatting of texts and the blocks in them are left behind too."`
	MaxFrame     int    `default:"${max_frame}" placeholder:"BYTES" help:"--max-frame of the relay that the log is for: an op may have three quarters of it. (${default})"`
}

// Help implements [kong.HelpProvider].
func (importCmd) Help() string {
	return `Each change becomes an op, under the actor that made it and with the time that it has, so that log, --at and the history of the pages work as for any document. A document that is there already is left alone, unless it is the beginning of this one: then an import that was cut goes on.

A relay takes no op that has more than three quarters of its --max-frame, and neither does an import. --fresh makes a new document in place of such changes, with one new actor and small ops. It holds what the file shows, but not how that came to be: who wrote what and when, and what others wrote at the same time to the same place. Formatting of texts (marks) and blocks in them cannot be carried over; where there are any it says so and imports nothing, unless --without-marks is given.

Over --url it needs the right write in the document; without admin the relay stamps the ops with the time of the import.

Examples:
  baton-snapshot import notes.automerge --as notes
  baton-snapshot import notes.automerge --as notes --fresh
  baton-snapshot import ./documents --url http://localhost:8080 --token $T`
}

// Validate says what is wrong with the flags.
func (c *importCmd) Validate() error {
	switch {
	case c.WithoutMarks && !c.Fresh:
		return errors.New("--without-marks says what --fresh leaves behind: it needs --fresh")
	case c.MaxFrame < 4<<10 || c.MaxFrame > 64<<20:
		return errors.New("--max-frame must be from 4096 to 67108864 bytes")
	}
	return nil
}

// imported is what became of a file.
type imported struct {
	File  string       `json:"file"`
	Doc   oplog.DocID  `json:"doc"`
	Ops   int          `json:"ops"`
	Added int          `json:"added"`
	Head  oplog.Offset `json:"head,omitempty"`
	// Left is what a document that was made anew left behind.
	Left  *doc.Left `json:"left_behind,omitempty"`
	Error string    `json:"error,omitempty"`
}

func (i *imported) String() string {
	s := fmt.Sprintf("%s: %s has its %s already", i.File, i.Doc, counted(i.Ops, "op"))
	switch {
	case i.Error != "":
		return fmt.Sprintf("%s: FAILED: %s", i.File, i.Error)
	case i.Added > 0:
		s = fmt.Sprintf("%s: %s added to %s, which has %s now", i.File, counted(i.Added, "op"), i.Doc, count(i.Ops))
	}
	if i.Left == nil {
		return s
	}
	s += fmt.Sprintf("; left behind: the history, %s by %s", counted(i.Left.Changes, "change"), counted(i.Left.Actors, "actor"))
	if i.Left.Marks || i.Left.Blocks {
		s += ", and the formatting of texts"
	}
	return s
}

// Run imports one file, or all of a directory.
func (c *importCmd) Run(t *tool) error {
	files, err := c.files()
	if err != nil {
		return err
	}
	log, err := t.writing(true)
	if err != nil {
		return err
	}
	defer log.Close()
	done := []*imported{}
	var failure error
	bar := t.progress(int64(len(files)), "importing", unitDocs)
	for _, file := range files {
		i, err := c.file(t, log, file)
		if err != nil {
			i.Error = err.Error()
			err = fmt.Errorf("import %s: %w", file, err)
			if len(files) == 1 || t.ctx.Err() != nil {
				return err
			}
			failure = errors.Join(failure, err)
		}
		done = append(done, i)
		_ = bar.Add(1)
	}
	_ = bar.Clear()
	err = t.print(done, func(w io.Writer) error {
		for _, i := range done {
			fmt.Fprintln(w, i)
		}
		return nil
	})
	return errors.Join(err, failure)
}

// files returns what to import.
func (c *importCmd) files() ([]string, error) {
	info, err := os.Stat(c.Path)
	if err != nil || !info.IsDir() {
		return []string{c.Path}, err
	}
	if c.As != "" {
		return nil, errors.New("--as names one document, and this is a directory of them")
	}
	entries, err := os.ReadDir(c.Path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".automerge" {
			files = append(files, filepath.Join(c.Path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no file that ends with .automerge", c.Path)
	}
	return files, nil
}

// maxImport is the largest file that is imported, in bytes.
const maxImport = doc.MaxSnapshot

func (c *importCmd) file(t *tool, log store, file string) (*imported, error) {
	name := c.As
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	i := &imported{File: file, Doc: oplog.DocID(name)}
	if _, err := oplog.ParseDocID(name); err != nil {
		return i, fmt.Errorf("%w; give a name by --as", err)
	}
	switch info, err := os.Stat(file); {
	case err != nil:
		return i, err
	case info.Size() > maxImport:
		return i, fmt.Errorf("it is larger than %s", size(maxImport))
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return i, err
	}
	entries, err := c.ops(t, content, i)
	if later, ok := errors.AsType[*doc.LaterError](err); ok {
		err = fmt.Errorf("%w; a later version of baton-snapshot may read it", later)
	} else if base, ok := errors.AsType[*doc.BaseError](err); ok {
		err = fmt.Errorf("it is no Automerge file, or damaged: %w", base.Err)
	}
	if err != nil {
		return i, err
	}
	i.Ops = len(entries)
	epoch, have, err := beginning(t, log, i.Doc, entries)
	if err != nil {
		return i, err
	}
	i.Added = len(entries) - have
	for page := range slices.Chunk(entries[have:], 1000) {
		if epoch, err = log.Append(t.ctx, oplog.Append{Doc: i.Doc, Epoch: epoch, Format: doc.Automerge, Entries: page}); err != nil {
			return i, err
		}
	}
	i.Head = oplog.Offset(len(entries))
	return i, nil
}

// ops returns what is imported of a file. What a relay would not take is refused
// here, as the log itself takes ops of any size.
func (c *importCmd) ops(t *tool, content []byte, i *imported) (entries []oplog.Entry, err error) {
	limits := wire.Limits{OpBytes: wire.OpBytes(c.MaxFrame), ClockEntries: wire.DefaultClockEntries}
	now := time.Now().UnixMilli()
	if c.Fresh {
		if entries, i.Left, err = t.engine.Anew(t.ctx, content, limits.OpBytes, now); err != nil {
			return nil, err
		}
		if (i.Left.Marks || i.Left.Blocks) && !c.WithoutMarks {
			return nil, errors.New("texts of it are formatted, or have blocks in them, which --fresh leaves behind: give --without-marks to go on without")
		}
	} else if entries, err = t.engine.Split(t.ctx, content, now); err != nil {
		return nil, err
	}
	if t.URL != "" {
		return entries, nil // the relay knows its own limits
	}
	for k := range entries {
		if fault := limits.Check(&entries[k]); fault != nil {
			return nil, &unfitError{entries[k].Dot, fault, c.Fresh}
		}
	}
	return entries, nil
}

// unfitError says that an op is one which a relay would not take.
type unfitError struct {
	op    clock.Dot
	fault *wire.Fault
	fresh bool
}

func (e *unfitError) Error() string {
	if e.fresh {
		return fmt.Sprintf("op %v: %s: a single value in it is too large to be divided; raise --max-frame here and at the relay", e.op, e.fault.Message)
	}
	return fmt.Sprintf("the change %v makes an op that a relay does not take: %s", e.op, e.fault.Message)
}

// beginning returns how many of the entries a document has already: none if it
// does not exist. A document that does not begin with them is another one.
func beginning(t *tool, log store, id oplog.DocID, entries []oplog.Entry) (oplog.Epoch, int, error) {
	state, err := log.State(t.ctx, id)
	if errors.Is(err, oplog.ErrNotFound) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	other := fmt.Errorf("there is a document %s already, and it is not this one: give another name by --as", id)
	if state.Format != doc.Automerge || state.First > 1 {
		return "", 0, other
	}
	n, same := 0, true
	_, err = log.Read(t.ctx, id, state.Epoch, 0, func(e *oplog.Entry) bool {
		if n == len(entries) || e.Dot != entries[n].Dot || !e.SameContent(&entries[n].Op) {
			same = false
			return false
		}
		n++
		return true
	})
	if err == nil && !same {
		err = other
	}
	return state.Epoch, n, err
}
