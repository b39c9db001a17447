package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// TestReadersMeetChanges reads documents while they grow, are pruned, deleted and
// made anew, with a cache that keeps nothing. Each read, and each check of the
// whole log, must see one moment.
func TestReadersMeetChanges(t *testing.T) {
	l, _ := openFated(t, logPath(t), smallCache)
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	var reads atomic.Int64
	for i := range 3 {
		doc := oplog.DocID(fmt.Sprint("doc", i))
		writers.Go(func() {
			for range 2 {
				if err := liveAndDie(t.Context(), l, doc); err != nil {
					t.Error(err)
				}
			}
		})
		for range 2 {
			readers.Go(func() {
				for !done.Load() {
					if err := lookAround(t.Context(), l, doc); err != nil {
						t.Error(err)
						return
					}
					reads.Add(1)
				}
			})
		}
	}
	readers.Go(func() {
		for !done.Load() {
			if err := l.Check(t.Context(), func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
				t.Error(err)
			}
		}
	})
	writers.Wait()
	done.Store(true)
	readers.Wait()
	t.Logf("%d looks at documents", reads.Load())
}

// liveAndDie creates a document, has it grow and be pruned, and deletes it.
func liveAndDie(ctx context.Context, l *Log, doc oplog.DocID) error {
	epoch := oplog.Epoch("")
	for i := range uint64(30) {
		var err error
		if epoch, err = l.Append(ctx, oplog.Append{Doc: doc, Epoch: epoch, Entries: oplogtest.Ops("a", i*20+1, 20)}); err != nil {
			return err
		}
		if i%4 != 3 {
			continue
		}
		at := oplog.Offset(i * 20)
		content := fmt.Sprintf("%s at %d %s", doc, at, strings.Repeat("x", 3000*int(i)))
		if _, _, err := l.PutSnapshot(ctx, doc, at, oplog.SnapshotInfo{Format: "json"}, strings.NewReader(content)); err != nil {
			return err
		}
		if i%8 == 7 {
			if _, err := l.Prune(ctx, doc, at-10); err != nil {
				return err
			}
		}
	}
	return l.Delete(ctx, doc)
}

// lookAround reads a document in all ways. That it is gone or pruned is no error.
func lookAround(ctx context.Context, l *Log, doc oplog.DocID) error {
	span, err := l.Read(ctx, doc, "", 1<<50, nil)
	if err != nil {
		return ignore(err)
	}
	next := span.First
	got, err := l.Read(ctx, doc, span.Epoch, span.First-1, func(e *oplog.Entry) bool {
		if e.Offset != next || e.Seq != uint64(next) {
			err = fmt.Errorf("%v at %d, want offset %d", e.Dot, e.Offset, next)
		}
		next++
		return true
	})
	if err == nil && next != got.Head+1 {
		err = fmt.Errorf("read up to %d of %+v", next-1, got)
	}
	if err := ignore(err); err != nil {
		return err
	}
	dot := clock.Dot{Actor: "a", Seq: uint64(span.First+span.Head) / 2}
	if at, err := l.Locate(ctx, doc, clock.VectorOf(dot)); ignore(err) != nil || err == nil && at != 0 && uint64(at) > dot.Seq {
		return fmt.Errorf("%v is located at %d, %w", dot, at, err)
	}
	if err := l.Lookup(ctx, doc, []clock.Dot{dot}, func(*oplog.Entry) bool { return true }); ignore(err) != nil {
		return err
	}
	if _, err := l.State(ctx, doc); ignore(err) != nil {
		return err
	}
	return lookAtSnapshot(ctx, l, doc)
}

func lookAtSnapshot(ctx context.Context, l *Log, doc oplog.DocID) error {
	s, err := l.Snapshot(ctx, doc, 0)
	if err != nil {
		return ignore(err)
	}
	r, err := l.SnapshotData(ctx, doc, s.Offset)
	if err != nil {
		return ignore(err)
	}
	content, err := io.ReadAll(io.NewSectionReader(r, 0, 1<<30))
	if want := fmt.Sprintf("%s at %d ", doc, s.Offset); err == nil && !strings.HasPrefix(string(content), want) {
		return fmt.Errorf("the snapshot at %d begins %.20q", s.Offset, content)
	}
	return ignore(err)
}

// ignore drops errors that say that somebody was faster.
func ignore(err error) error {
	for _, expected := range []error{oplog.ErrNotFound, oplog.ErrPruned, oplog.ErrEpoch} {
		if errors.Is(err, expected) {
			return nil
		}
	}
	return err
}
