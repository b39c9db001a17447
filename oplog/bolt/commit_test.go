package bolt

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// fates is how the commits of a test end: each takes the next, or succeeds.
type fates struct {
	next    chan fate
	commits atomic.Int64
}

type fate func(tx *bbolt.Tx) error

func (f *fates) commit(tx *bbolt.Tx) error {
	f.commits.Add(1)
	select {
	case fate := <-f.next:
		return fate(tx)
	default:
		return tx.Commit()
	}
}

// syncFails is a commit whose last sync fails: what it wrote is visible.
func syncFails(tx *bbolt.Tx) error {
	if err := tx.Commit(); err != nil {
		return err
	}
	return syscall.EIO
}

// diskFull is a commit for which there is no room.
func diskFull(tx *bbolt.Tx) error {
	return errors.Join(&fs.PathError{Op: "write", Path: "log", Err: syscall.ENOSPC}, tx.Rollback())
}

// heldBefore and heldBehind are commits that wait, before anything is written or
// when all is visible and the last sync is under way.
func heldBefore(release <-chan bool) fate {
	return func(tx *bbolt.Tx) error {
		<-release
		return tx.Commit()
	}
}

func heldBehind(release <-chan bool) fate {
	return func(tx *bbolt.Tx) error {
		err := tx.Commit()
		<-release
		return err
	}
}

// openFated opens a log whose commits end as the test says. It is checked and
// closed at the end, unless a commit failed for good.
func openFated(t *testing.T, path string, o Options) (*Log, *fates) {
	t.Helper()
	f := &fates{next: make(chan fate, 100)}
	l, err := open(path, o, f.commit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, l) })
	return l, f
}

func closeChecked(t *testing.T, l *Log) {
	t.Helper()
	if l.Health() == nil {
		if err := l.Check(context.Background(), func(c *oplog.CorruptionError) { t.Error(c) }); err != nil && !errors.Is(err, oplog.ErrUnavailable) {
			t.Errorf("Check: %v", err)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := CheckFile(context.Background(), l.path, func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
		t.Errorf("CheckFile: %v", err)
	}
}

func logPath(t *testing.T) string { return filepath.Join(t.TempDir(), "log.db") }

func mustAppend(t *testing.T, l *Log, doc oplog.DocID, epoch oplog.Epoch, entries ...oplog.Entry) oplog.Epoch {
	t.Helper()
	epoch, err := l.Append(t.Context(), oplog.Append{Doc: doc, Epoch: epoch, Entries: entries})
	if err != nil {
		t.Errorf("Append: %v", err)
	}
	return epoch
}

// sceneOp is the content of each op of a scene, such as {"a":1}, in bytes.
const sceneOp = 7

// scene is a log with documents to change, and all that can be seen of it.
type scene struct {
	t     *testing.T
	l     *Log
	kept  oplog.Epoch
	other oplog.Epoch

	commits int64 // that it took
}

func newScene(t *testing.T, l *Log, f *fates) *scene {
	t.Helper()
	s := &scene{t: t, l: l}
	s.kept = mustAppend(t, l, "kept", "", oplogtest.Ops("a", 1, 3)...)
	s.other = mustAppend(t, l, "other", "", oplogtest.Op("a", 1))
	mustAppend(t, l, "doomed", "", oplogtest.Ops("a", 1, 3)...)
	mustAppend(t, l, "pruned", "", oplogtest.Ops("a", 1, 3)...)
	for _, doc := range []oplog.DocID{"doomed", "pruned"} {
		if _, _, err := l.PutSnapshot(t.Context(), doc, 2, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("two")); err != nil {
			t.Fatal(err)
		}
	}
	s.commits = f.commits.Load()
	return s
}

// change starts one change of each kind and returns what waits for their errors.
func (s *scene) change() (wait func() []error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	start := func(f func() error) {
		wg.Go(func() {
			err := f()
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
		synctest.Wait()
	}
	ctx := s.t.Context()
	start(func() error {
		_, err := s.l.Append(ctx, oplog.Append{Doc: "kept", Epoch: s.kept, Entries: oplogtest.Ops("a", 4, 2)})
		return err
	})
	start(func() error {
		_, err := s.l.Append(ctx, oplog.Append{Doc: "new", Entries: oplogtest.Ops("a", 1, 2)})
		return err
	})
	start(func() error {
		_, err := s.l.Prune(ctx, "pruned", 3)
		return err
	})
	start(func() error { return s.l.Delete(ctx, "doomed") })
	return func() []error {
		wg.Wait()
		return errs
	}
}

// checkBefore checks that nothing of the change can be seen.
func (s *scene) checkBefore() {
	s.t.Helper()
	ctx := s.t.Context()
	for _, doc := range []oplog.DocID{"kept", "doomed", "pruned"} {
		state, err := s.l.State(ctx, doc)
		if err != nil || state.First != 1 || state.Head != 3 || state.Bytes != 3*sceneOp || state.Heads.Clock.Get("a") != 3 {
			s.t.Errorf("state of %q is %+v, %v", doc, state, err)
		}
		n := oplog.Offset(0)
		span, err := s.l.Read(ctx, doc, "", 0, func(*oplog.Entry) bool { n++; return true })
		if err != nil || n != 3 || span.Head != 3 {
			s.t.Errorf("read %d entries of %q, %+v, %v", n, doc, span, err)
		}
		if err := s.l.Lookup(ctx, doc, []clock.Dot{{Actor: "a", Seq: 4}}, func(e *oplog.Entry) bool {
			s.t.Errorf("looked up %v of %q", e.Dot, doc)
			return true
		}); err != nil {
			s.t.Error(err)
		}
		if at, err := s.l.Locate(ctx, doc, clock.VectorOf(clock.Dot{Actor: "a", Seq: 9})); at != 3 || err != nil {
			s.t.Errorf("located at %d of %q, %v", at, doc, err)
		}
	}
	if _, err := s.l.State(ctx, "new"); !errors.Is(err, oplog.ErrNotFound) {
		s.t.Errorf("state of a new document: %v", err)
	}
	docs, err := s.l.Docs(ctx, "", 10)
	if want := []oplog.DocID{"doomed", "kept", "other", "pruned"}; err != nil || !slices.Equal(docs, want) {
		s.t.Errorf("documents are %q, %v; want %q", docs, err, want)
	}
}

// checkAfter checks that all of the change can be seen.
func (s *scene) checkAfter() {
	s.t.Helper()
	for doc, want := range map[oplog.DocID]oplog.Span{"kept": {First: 1, Head: 5}, "new": {First: 1, Head: 2}, "pruned": {First: 3, Head: 3}} {
		state, err := s.l.State(s.t.Context(), doc)
		bytes := int64(want.Head-want.First+1) * sceneOp
		if err != nil || state.First != want.First || state.Head != want.Head || state.Bytes != bytes {
			s.t.Errorf("state of %q is %+v with %d bytes, %v", doc, state.Span, state.Bytes, err)
		}
	}
	docs, err := s.l.Docs(s.t.Context(), "", 10)
	if want := []oplog.DocID{"kept", "new", "other", "pruned"}; err != nil || !slices.Equal(docs, want) {
		s.t.Errorf("documents are %q, %v; want %q", docs, err, want)
	}
}

// smallCache makes documents leave the memory as soon as they may.
var smallCache = Options{CommitInterval: -1, CacheBytes: 1}

// together has the log commit one change of each kind in one batch that ends in
// the given way, and returns what waits for their errors.
func (s *scene) together(f *fates, end fate) (wait func() []error) {
	release := make(chan bool)
	f.next <- heldBefore(release)
	f.next <- end
	var wg sync.WaitGroup
	wg.Go(func() { mustAppend(s.t, s.l, "other", s.other, oplogtest.Op("a", 2)) })
	synctest.Wait() // the committer is busy: what comes now is one batch
	wait = s.change()
	close(release)
	wg.Wait()
	return wait
}

// TestNotDurableNotVisible looks at a log while the last sync of a commit is
// under way.
func TestNotDurableNotVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := openFated(t, logPath(t), smallCache)
		s := newScene(t, l, f)
		sync := make(chan bool)
		wait := s.together(f, heldBehind(sync))
		synctest.Wait()
		s.checkVisible()
		s.checkBefore()
		close(sync)
		if err := errors.Join(wait()...); err != nil {
			t.Fatal(err)
		}
		s.checkAfter()
	})
}

// checkVisible checks that bbolt shows what the log must not show.
func (s *scene) checkVisible() {
	s.t.Helper()
	err := s.l.db.View(func(tx *bbolt.Tx) error {
		if docs := tx.Bucket(bucketDocs); docs.Get([]byte("new")) == nil || docs.Get([]byte("doomed")) != nil {
			s.t.Error("bbolt shows nothing of the commit, so this test proves nothing")
		}
		return nil
	})
	if err != nil {
		s.t.Error(err)
	}
}

func TestSyncFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := logPath(t)
		l, f := openFated(t, path, smallCache)
		s := newScene(t, l, f)
		for _, err := range s.together(f, syncFails)() {
			if !errors.Is(err, oplog.ErrUnavailable) || !errors.Is(err, syscall.EIO) {
				t.Errorf("a batch whose sync failed: %v", err)
			}
		}
		s.checkVisible()
		for range 3 { // whatever is loaded and evicted
			s.checkBefore()
		}
		time.Sleep(time.Hour)
		_, err := l.Append(t.Context(), oplog.Append{Doc: "later", Entries: oplogtest.Ops("a", 1, 1)})
		if !errors.Is(err, oplog.ErrUnavailable) {
			t.Errorf("append after a failed sync: %v", err)
		}
		if err := l.Backup(t.Context(), io.Discard); !errors.Is(err, oplog.ErrUnavailable) {
			t.Errorf("backup after a failed sync: %v", err)
		}
		if err := l.Health(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "opened again") {
			t.Errorf("health says %v", err)
		}
		if n := f.commits.Load(); n != s.commits+2 {
			t.Errorf("%d commits, want none after the one that failed", n-s.commits-2)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		again, _ := openFated(t, path, Options{})
		s.l = again
		s.checkAfter() // or before: here the disk had it all
	})
}

func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := openFated(t, logPath(t), smallCache)
		s := newScene(t, l, f)
		for _, err := range s.together(f, diskFull)() {
			if !errors.Is(err, oplog.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a batch without room: %v", err)
			}
		}
		s.checkBefore()
		for _, err := range s.change()() {
			if !errors.Is(err, oplog.ErrUnavailable) {
				t.Errorf("right after it: %v", err)
			}
		}
		if n := f.commits.Load(); n != s.commits+2 {
			t.Errorf("tried %d times more right after it", n-s.commits-2)
		}
		if err := l.Health(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("health says %v", err)
		}
		time.Sleep(backoff)
		if err := l.Health(); err != nil {
			t.Errorf("health says %v after the pause", err)
		}
		if err := errors.Join(s.change()()...); err != nil {
			t.Errorf("once there is room: %v", err)
		}
		s.checkAfter()
	})
}

func TestRecoverable(t *testing.T) {
	write := func(err error) error { return &fs.PathError{Op: "write", Path: "log", Err: err} }
	for _, test := range []struct {
		err  error
		want bool
	}{
		{write(syscall.ENOSPC), true},
		{write(syscall.EDQUOT), true},
		{write(syscall.EFBIG), true},
		{errors.New("file resize error: truncate log: no space left on device"), true},
		{write(syscall.EIO), false},
		{syscall.ENOSPC, false}, // a sync that failed for whatever reason
		{syscall.EIO, false},
		{errors.New("file sync error: input/output error"), false},
	} {
		if got := recoverable(test.err); got != test.want {
			t.Errorf("recoverable(%v) = %t, want %t", test.err, got, test.want)
		}
	}
}

// TestGroupCommit checks that appends that wait together share a commit.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := openFated(t, logPath(t), Options{})
		const callers = 500
		release := make(chan bool)
		f.next <- heldBefore(release)
		var wg sync.WaitGroup
		for i := range callers {
			doc := oplog.DocID("doc" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
			wg.Go(func() { mustAppend(t, l, doc, "", oplogtest.Op("a", 1)) })
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		// The first may have gone alone before the others came.
		if n := f.commits.Load(); n > 2 {
			t.Errorf("%d appends took %d commits", callers, n)
		}
	})
}

// TestPace checks that an append waits only right behind another.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := openFated(t, logPath(t), Options{CommitInterval: 5 * time.Millisecond})
		epoch := oplog.Epoch("")
		for i, test := range []struct{ pause, want time.Duration }{
			{0, 0}, {0, 5 * time.Millisecond}, {3 * time.Millisecond, 2 * time.Millisecond}, {time.Hour, 0}, {5 * time.Millisecond, 0},
		} {
			time.Sleep(test.pause)
			start := time.Now()
			epoch = mustAppend(t, l, "d", epoch, oplogtest.Op("a", uint64(i+1)))
			if got := time.Since(start); got != test.want {
				t.Errorf("append %d waited %v, want %v", i, got, test.want)
			}
		}
	})
}

// TestAbandoned checks that nothing of a caller is read once it has left.
func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := openFated(t, logPath(t), Options{})
		release := make(chan bool)
		f.next <- heldBefore(release)
		go mustAppend(t, l, "first", "", oplogtest.Op("a", 1))
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		entries := oplogtest.Ops("a", 1, 2)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := l.Append(ctx, oplog.Append{Doc: "second", Entries: entries}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			clear(entries)
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		close(release)
		synctest.Wait()
		if _, err := l.State(t.Context(), "second"); !errors.Is(err, oplog.ErrNotFound) {
			t.Errorf("an append that nobody waited for before its turn: %v", err)
		}
	})
}

func TestClosed(t *testing.T) {
	l, _ := openFated(t, logPath(t), Options{})
	mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), oplog.Append{Doc: "e", Entries: oplogtest.Ops("a", 1, 1)}); !errors.Is(err, oplog.ErrUnavailable) {
		t.Errorf("append to a closed log: %v", err)
	}
	if _, err := l.Read(t.Context(), "d", "", 0, func(*oplog.Entry) bool { return true }); err == nil {
		t.Error("read a closed log")
	}
}
