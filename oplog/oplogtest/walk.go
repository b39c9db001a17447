package oplogtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// SeedEnv is the environment variable that makes the random walk take the way of
// one seed, that of a walk that failed.
const SeedEnv = "OPLOG_SEED"

// walkSteps is how many steps a walk takes.
const walkSteps = 500

// testWalk does random things to a log and to a model, and compares all that
// can be seen of the two.
func testWalk(t *testing.T, l oplog.Log) {
	seed := rand.Uint64()
	if s := os.Getenv(SeedEnv); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", SeedEnv, err)
		}
	}
	t.Logf("replay with %s=%d", SeedEnv, seed)
	w := walk{l: l, r: rand.New(rand.NewPCG(seed, 0)), model: model{docs: map[oplog.DocID]*modelDoc{}}}
	for i := range walkSteps {
		what, err := w.step(t.Context())
		if err != nil {
			t.Fatalf("step %d, %s: %v", i, what, err)
		}
		if re, ok := l.(Reopener); ok && w.r.IntN(walkSteps/10) == 0 {
			re.Reopen(t)
		}
	}
	for _, doc := range w.model.names() {
		if err := w.compare(t.Context(), doc); err != nil {
			t.Fatalf("at the end, %s: %v", doc, err)
		}
	}
}

type walk struct {
	l     oplog.Log
	r     *rand.Rand
	model model
}

// step does one random thing.
func (w *walk) step(ctx context.Context) (what string, err error) {
	doc := w.model.some(w.r)
	steps := []struct {
		weight int
		name   string
		do     func(context.Context, oplog.DocID) error
	}{
		{40, "append", w.append},
		{8, "append what does not follow", w.appendWrong},
		{12, "compare", w.compare},
		{8, "locate", w.locate},
		{8, "lookup", w.lookup},
		{10, "put snapshot", w.putSnapshot},
		{4, "delete snapshot", w.deleteSnapshot},
		{6, "prune", w.prune},
		{2, "delete", w.delete},
		{2, "list", w.list},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := w.r.IntN(total)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			return fmt.Sprintf("%s %s", s.name, doc), s.do(ctx, doc)
		}
	}
	panic("weights do not add up")
}

// count is mostly small and now and then a few hundred.
func (w *walk) count() int {
	if w.r.IntN(10) == 0 {
		return 1 + w.r.IntN(400)
	}
	return 1 + w.r.IntN(8)
}

func (w *walk) append(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	a := oplog.Append{Doc: doc, Entries: d.make(w.r, w.count())}
	if d != nil {
		a.Epoch = d.epoch
	} else if w.r.IntN(2) == 0 {
		a.Format = "yjs"
	}
	epoch, err := w.l.Append(ctx, a)
	if err != nil {
		return err
	}
	if d == nil {
		d = &modelDoc{epoch: epoch, format: oplog.DefaultFormat, first: 1, snapshots: map[oplog.Offset]modelSnapshot{}}
		if a.Format != "" {
			d.format = a.Format
		}
		w.model.docs[doc] = d
	}
	d.entries = append(d.entries, a.Entries...)
	return nil
}

func (w *walk) appendWrong(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	a := oplog.Append{Doc: doc, Entries: d.make(w.r, 1+w.r.IntN(5))}
	want := oplog.ErrOrder
	if d != nil {
		a.Epoch = d.epoch
	}
	bad := &a.Entries[w.r.IntN(len(a.Entries))]
	switch w.r.IntN(4) {
	case 0:
		bad.Seq++
	case 1:
		bad.Clock.Raise("nobody", 1)
	case 2:
		a.Epoch, want = a.Epoch+"x", oplog.ErrEpoch
	case 3:
		if d == nil {
			return nil
		}
		a.Format, want = d.format+"x", oplog.ErrFormat
	}
	_, err := w.l.Append(ctx, a)
	return wantError(err, want)
}

func wantError(err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("got error %v, want %v", err, want)
	}
	return nil
}

// compare compares state and contents of a document.
func (w *walk) compare(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	s, err := w.l.State(ctx, doc)
	if d == nil {
		return wantError(err, oplog.ErrNotFound)
	}
	if err != nil {
		return err
	}
	want := oplog.Span{Epoch: d.epoch, First: d.first, Head: d.head()}
	heads := d.heads()
	last := d.entries[len(d.entries)-1]
	if want := contentBytes(d.held()); s.Bytes != want {
		return fmt.Errorf("state says %d bytes, want %d from %d to %d", s.Bytes, want, s.First, s.Head)
	}
	if s.Span != want || s.Format != d.format || s.At != last.At || !s.Heads.Equal(&heads) {
		return fmt.Errorf("state is %+v, want %+v at %d with %v", s, want, last.At, heads.Clock)
	}
	after := d.first - 1
	held := d.held()
	if len(held) > 0 && w.r.IntN(2) == 0 {
		i := w.r.IntN(len(held))
		after, held = held[i].Offset, held[i+1:]
	}
	if err := w.compareEntries(ctx, doc, after, held); err != nil {
		return err
	}
	return w.compareSnapshots(ctx, doc, d)
}

func (w *walk) compareEntries(ctx context.Context, doc oplog.DocID, after oplog.Offset, held []oplog.Entry) error {
	n, wrong := 0, ""
	_, err := w.l.Read(ctx, doc, "", after, func(e *oplog.Entry) bool {
		if n == len(held) {
			wrong = fmt.Sprintf("%v at %d is one too many", e.Dot, e.Offset)
		} else {
			wrong = diff(e, &held[n])
		}
		n++
		return wrong == ""
	})
	switch {
	case err != nil:
		return err
	case wrong != "":
		return fmt.Errorf("entry %d behind %d: %s", n-1, after, wrong)
	case n != len(held):
		return fmt.Errorf("%d entries behind %d, want %d", n, after, len(held))
	}
	return nil
}

func (w *walk) compareSnapshots(ctx context.Context, doc oplog.DocID, d *modelDoc) error {
	upTo := oplog.Offset(0)
	want := d.newestSnapshot(clock.MaxSeq)
	if w.r.IntN(2) == 0 {
		upTo = d.entries[w.r.IntN(len(d.entries))].Offset
		want = d.newestSnapshot(upTo)
	}
	s, err := w.l.Snapshot(ctx, doc, upTo)
	if want == 0 {
		return wantError(err, oplog.ErrNotFound)
	}
	if err != nil {
		return err
	}
	if s.Offset != want || s.Format != d.format || s.Clock.Compare(d.sum(want)) != clock.Equal {
		return fmt.Errorf("snapshot up to %d is at %d with %v, want %d with %v", upTo, s.Offset, s.Clock, want, d.sum(want))
	}
	kept := d.snapshots[want]
	if s.By != kept.By || s.Maker != kept.Maker {
		return fmt.Errorf("snapshot at %d is by %q with %q, want %q with %q", want, s.By, s.Maker, kept.By, kept.Maker)
	}
	r, err := w.l.SnapshotData(ctx, doc, want)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.NewSectionReader(r, 0, s.Bytes+1))
	if err != nil || string(got) != kept.content {
		return fmt.Errorf("snapshot at %d has %d bytes, want %d, %v", want, len(got), len(kept.content), err)
	}
	return nil
}

func (w *walk) locate(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	if d == nil {
		_, err := w.l.Locate(ctx, doc, clock.Vector{})
		return wantError(err, oplog.ErrNotFound)
	}
	c := d.sum(d.entries[w.r.IntN(len(d.entries))].Offset)
	if w.r.IntN(2) == 0 {
		c = c.Merge(clock.VectorOf(clock.Dot{Actor: "ann", Seq: w.r.Uint64N(50)}))
	}
	at, err := w.l.Locate(ctx, doc, c)
	if err != nil {
		return err
	}
	covered := 0
	for _, e := range d.entries {
		switch {
		case c.Has(e.Dot) && e.Offset > at && d.first == 1:
			covered++
		case c.Has(e.Dot):
		case e.Offset <= at:
			return fmt.Errorf("%v is located at %d, and %v at %d is not covered", c, at, e.Dot, e.Offset)
		default:
			if covered > maxCovered {
				return fmt.Errorf("%v is located at %d, and %d entries behind it are covered", c, at, covered)
			}
			return nil
		}
	}
	return nil
}

func (w *walk) lookup(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	if d == nil {
		return wantError(w.l.Lookup(ctx, doc, nil, func(*oplog.Entry) bool { return true }), oplog.ErrNotFound)
	}
	dots := map[clock.Dot]bool{{Actor: "nobody", Seq: 3}: true}
	for range w.count() {
		dots[d.entries[w.r.IntN(len(d.entries))].Dot] = true
	}
	var want []oplog.Entry
	for _, e := range d.held() {
		if dots[e.Dot] {
			want = append(want, e)
		}
	}
	var list []clock.Dot
	for dot := range dots {
		list = append(list, dot)
	}
	n, wrong := 0, ""
	enough := 1 + w.r.IntN(len(list))
	want = want[:min(len(want), enough)]
	err := w.l.Lookup(ctx, doc, list, func(e *oplog.Entry) bool {
		switch {
		case wrong != "":
		case n == len(want):
			wrong = fmt.Sprintf("%v is one too many", e.Dot)
		default:
			wrong = diff(e, &want[n])
		}
		n++
		return n < enough
	})
	if err == nil && (wrong != "" || n != len(want)) {
		err = fmt.Errorf("looked up %d of %d ops; %s", n, len(want), wrong)
	}
	return err
}

func (w *walk) putSnapshot(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	if d == nil || len(d.held()) == 0 {
		return nil
	}
	held := d.held()
	at := held[w.r.IntN(len(held))].Offset
	content := strings.Repeat("snapshot ", w.r.IntN(10)) + strings.Repeat("#", w.r.IntN(3)*w.r.IntN(300_000))
	before, exists := d.snapshots[at]
	if exists && w.r.IntN(2) == 0 {
		content = before.content
	}
	info := oplog.SnapshotInfo{Format: d.format, By: []string{"", "user-a", "user-é"}[w.r.IntN(3)], Maker: []oplog.Maker{"", "sketch 1.0"}[w.r.IntN(2)]}
	s, stored, err := w.l.PutSnapshot(ctx, doc, at, info, strings.NewReader(content))
	switch {
	case exists && before.content != content:
		return wantError(err, oplog.ErrExists)
	case err != nil:
		return err
	case stored == exists || s.Offset != at:
		return fmt.Errorf("stored %t at %d, want %d", stored, s.Offset, at)
	}
	if stored {
		d.snapshots[at] = modelSnapshot{info, content}
	}
	return nil
}

func (w *walk) deleteSnapshot(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	if d == nil || len(d.snapshots) == 0 {
		return wantError(w.l.DeleteSnapshot(ctx, doc, 1), oplog.ErrNotFound)
	}
	var all []oplog.Offset
	for at := range d.snapshots {
		all = append(all, at)
	}
	slices.Sort(all)
	at := all[w.r.IntN(len(all))]
	content := d.snapshots[at]
	delete(d.snapshots, at)
	err := w.l.DeleteSnapshot(ctx, doc, at)
	if d.first > 1 && d.newestSnapshot(clock.MaxSeq)+1 < d.first {
		d.snapshots[at] = content
		return wantError(err, oplog.ErrNeeded)
	}
	return err
}

func (w *walk) prune(ctx context.Context, doc oplog.DocID) error {
	d := w.model.docs[doc]
	if d == nil {
		_, err := w.l.Prune(ctx, doc, 1)
		return wantError(err, oplog.ErrNotFound)
	}
	before := d.entries[w.r.IntN(len(d.entries))].Offset
	if w.r.IntN(4) == 0 {
		before = d.head() + 1
	}
	first, err := w.l.Prune(ctx, doc, before)
	switch {
	case before <= d.first:
		if err == nil && first != d.first {
			err = fmt.Errorf("first is %d, want %d", first, d.first)
		}
		return err
	case d.newestSnapshot(clock.MaxSeq)+1 < before:
		return wantError(err, oplog.ErrNeeded)
	case err == nil && first > before:
		err = fmt.Errorf("pruned before %d, and first is %d", before, first)
	}
	d.first = max(d.first, first)
	return err
}

func (w *walk) delete(ctx context.Context, doc oplog.DocID) error {
	err := w.l.Delete(ctx, doc)
	if w.model.docs[doc] == nil {
		return wantError(err, oplog.ErrNotFound)
	}
	delete(w.model.docs, doc)
	return err
}

func (w *walk) list(ctx context.Context, _ oplog.DocID) error {
	got, err := w.l.Docs(ctx, "", 100)
	if want := w.model.names(); err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("documents are %q, want %q", got, want)
	}
	return err
}
