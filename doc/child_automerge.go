//go:build cgo && (linux || darwin) && (amd64 || arm64)

package doc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"

	"github.com/automerge/automerge-go"

	"github.com/baton-relay/baton/clock"
)

const available = true

// Child returns at once in a process that is no child of an [Engine]. In one
// that is, it does the work of the child and ends the process.
func Child() {
	text, is := os.LookupEnv(childVariable)
	if !is {
		return
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = limitProcess(o.Memory, o.CPU)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go endWithParent(os.NewFile(lifeline, "lifeline"))
	c := child{
		order: o, in: bufio.NewReaderSize(os.Stdin, 1<<20), out: os.Stdout,
		doc: automerge.New(), heads: map[Hash]bool{}, known: map[Hash]bool{},
	}
	if err := c.run(); err != nil {
		_ = writeFrame(c.out, frameError, []byte(err.Error()))
	}
	os.Exit(0)
}

// endWithParent ends the process when the parent is gone. Automerge may be busy
// for ever then, with nobody to stop it.
func endWithParent(parent *os.File) {
	_, _ = parent.Read(make([]byte, 1))
	os.Exit(1)
}

// child applies changes, in the process that may die of them.
type child struct {
	order
	in  *bufio.Reader
	out io.Writer

	doc   *automerge.Doc
	base  bool          // the document began with a snapshot
	heads map[Hash]bool // that the document must have
	known map[Hash]bool // changes that are in, beyond those of the base
	index uint32        // of the next change

	batch []pending
	bytes []byte // of the batch's changes
}

// pending is a change that is to be applied.
type pending struct {
	index uint32
	raw   []byte
	head  *Change
}

// Changes are applied as one piece up to these bounds, which takes half the time
// that one by one does.
const (
	batchChanges = 500
	batchBytes   = 1 << 20
)

func (c *child) run() error {
	if err := writeFrame(c.out, frameIdle); err != nil {
		return err
	}
	var buf []byte
	for {
		kind, body, err := readFrame(c.in, &buf)
		if err != nil {
			return err
		}
		switch kind {
		case frameBase:
			err = c.load(body)
		case frameChange:
			err = c.add(bytes.Clone(body))
		case frameFinish:
			return c.finish(body)
		default:
			err = fmt.Errorf("unknown frame %q", kind)
		}
		if err != nil {
			return err
		}
	}
}

func (c *child) load(snapshot []byte) (err error) {
	if err := writeFrame(c.out, frameLoading); err != nil {
		return err
	}
	if c.doc, err = automerge.Load(snapshot); err != nil {
		return fmt.Errorf("load snapshot: %w", err)
	}
	c.base = true
	for _, h := range c.doc.Heads() {
		c.heads[Hash(h)] = true
	}
	return writeFrame(c.out, frameIdle)
}

// add queues a change, unless it follows from one that is not in: Automerge
// would keep that one waiting, or lose it without a word.
func (c *child) add(raw []byte) error {
	index := c.index
	c.index++
	head, err := ReadChange(raw)
	if err != nil {
		return c.refuse(index, err.Error())
	}
	for _, dep := range head.Deps {
		if !c.has(dep) {
			return c.refuse(index, fmt.Sprintf("it follows from change %v, which does not come before it", dep))
		}
	}
	c.known[head.Hash] = true
	c.batch = append(c.batch, pending{index, raw, head})
	c.bytes = append(c.bytes, raw...)
	if len(c.batch) < batchChanges && len(c.bytes) < batchBytes && index < c.Exact {
		return nil
	}
	return c.apply()
}

func (c *child) has(h Hash) bool {
	if c.known[h] || !c.base {
		return c.known[h]
	}
	_, err := c.doc.Change(automerge.ChangeHash(h))
	return err == nil
}

func (c *child) refuse(index uint32, reason string) error {
	return writeFrame(c.out, frameRefused, binary.BigEndian.AppendUint32(nil, index), []byte(reason))
}

// apply brings the batch into the document. LoadIncremental tells little of what
// it took, but each change is a head or comes before one: once the heads are
// those that must be, all of the batch is in.
func (c *child) apply() error {
	if len(c.batch) == 0 {
		return nil
	}
	if err := c.step(c.batch[0].index, len(c.batch)); err != nil {
		return err
	}
	taken := c.batch
	err := c.doc.LoadIncremental(c.bytes)
	if !c.follows(taken) || err != nil {
		if taken, err = c.applySingly(); err != nil {
			return err
		}
	}
	c.raiseHeads(taken)
	c.batch, c.bytes = c.batch[:0], c.bytes[:0]
	return writeFrame(c.out, frameIdle)
}

func (c *child) step(index uint32, n int) error {
	body := binary.BigEndian.AppendUint32(nil, index)
	return writeFrame(c.out, frameStep, binary.BigEndian.AppendUint32(body, uint32(n)))
}

// raiseHeads notes that changes are in.
func (c *child) raiseHeads(taken []pending) {
	for _, p := range taken {
		for _, dep := range p.head.Deps {
			delete(c.heads, dep)
		}
		c.heads[p.head.Hash] = true
	}
}

// follows reports whether the document has the heads that it must have once the
// changes are in.
func (c *child) follows(taken []pending) bool {
	want := map[Hash]bool{}
	for h := range c.heads {
		want[h] = true
	}
	for _, p := range taken {
		for _, dep := range p.head.Deps {
			delete(want, dep)
		}
		want[p.head.Hash] = true
	}
	got := c.doc.Heads()
	return len(got) == len(want) && !slices.ContainsFunc(got, func(h automerge.ChangeHash) bool { return !want[Hash(h)] })
}

// applySingly applies what is not in yet of the batch, one by one, and tells
// which changes are refused. It returns those that are in.
func (c *child) applySingly() (taken []pending, err error) {
	for _, p := range c.batch {
		if _, err := c.doc.Change(automerge.ChangeHash(p.head.Hash)); err == nil {
			taken = append(taken, p)
			continue
		}
		if err := c.step(p.index, 1); err != nil {
			return nil, err
		}
		reason := "Automerge does not take it"
		if err := c.doc.LoadIncremental(p.raw); err != nil {
			reason += ": " + err.Error()
		}
		if _, err := c.doc.Change(automerge.ChangeHash(p.head.Hash)); err == nil {
			taken = append(taken, p)
			continue
		}
		delete(c.known, p.head.Hash)
		if err := c.refuse(p.index, reason); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// finish answers what is wanted of all that came, seen as of a clock if there is one.
func (c *child) finish(body []byte) error {
	if err := c.apply(); err != nil {
		return err
	}
	if err := writeFrame(c.out, frameReading); err != nil {
		return err
	}
	if c.Want.Anew > 0 {
		doc, err := c.anew()
		if err != nil {
			return fmt.Errorf("make the document anew: %w", err)
		}
		return c.results(doc)
	}
	if len(body) == 0 {
		return c.results(c.doc)
	}
	seen, _, err := clock.ParseBinary(body)
	if err != nil {
		return err
	}
	doc, err := c.view(seen)
	if err != nil {
		return err
	}
	return c.results(doc)
}

func (c *child) results(doc *automerge.Doc) error {
	heads := sortHashes(hashes(doc.Heads()))
	flat := make([]byte, 0, len(heads)*len(Hash{}))
	for _, h := range heads {
		flat = append(flat, h[:]...)
	}
	if err := writeFrame(c.out, frameHeads, flat); err != nil {
		return err
	}
	if c.Want.JSON || c.Want.Typed {
		text, err := appendRoot(nil, doc, c.Want.Typed)
		if err != nil {
			return fmt.Errorf("read document: %w", err)
		}
		if err := writeFrame(c.out, frameJSON, text); err != nil {
			return err
		}
	}
	if c.Want.Changes {
		if err := c.rawChanges(doc); err != nil {
			return err
		}
	}
	if c.Want.Save {
		if err := writeFrame(c.out, frameSave, doc.Save()); err != nil {
			return err
		}
	}
	runtime.KeepAlive(doc)
	return writeFrame(c.out, frameDone)
}

// rawChanges answers with all changes, in an order that applies.
func (c *child) rawChanges(doc *automerge.Doc) error {
	changes, err := doc.Changes()
	if err != nil {
		return fmt.Errorf("list changes: %w", err)
	}
	for _, change := range changes {
		if err := writeFrame(c.out, frameRaw, change.Save()); err != nil {
			return err
		}
	}
	return nil
}

// view returns the document as it was when exactly the changes in v were there.
func (c *child) view(v clock.Vector) (*automerge.Doc, error) {
	changes, err := c.doc.Changes()
	if err != nil {
		return nil, fmt.Errorf("list changes: %w", err)
	}
	heads := map[automerge.ChangeHash]bool{}
	for _, change := range changes {
		if change.ActorSeq() > v.Get(clock.Actor(change.ActorID())) {
			continue
		}
		for _, dep := range change.Dependencies() {
			delete(heads, dep)
		}
		heads[change.Hash()] = true
	}
	if len(heads) == 0 {
		return automerge.New(), nil
	}
	asOf := make([]automerge.ChangeHash, 0, len(heads))
	for h := range heads {
		asOf = append(asOf, h)
	}
	doc, err := c.doc.Fork(asOf...)
	if err != nil {
		return nil, fmt.Errorf("go back: %w", err)
	}
	return doc, nil
}

func hashes(list []automerge.ChangeHash) []Hash {
	out := make([]Hash, len(list))
	for i, h := range list {
		out[i] = Hash(h)
	}
	return out
}
