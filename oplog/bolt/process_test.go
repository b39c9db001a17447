package bolt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

func TestSecondProcess(t *testing.T) {
	path := logPath(t)
	cmd := child(t, nil, "hold", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line(t, bufio.NewReader(out))
	start := time.Now()
	_, err = Open(path, Options{})
	if !errors.Is(err, oplog.ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("Open of a file in use: %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if err := CheckFile(t.Context(), path, func(c *oplog.CorruptionError) { t.Error(c) }); !errors.Is(err, oplog.ErrInUse) {
		t.Errorf("CheckFile of a file in use: %v", err)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("Open once it is free: %v", err)
	}
	closeChecked(t, l)
}

// TestFullDisk fills a disk: the size that a file of the process may have.
func TestFullDisk(t *testing.T) {
	cmd := child(t, nil, "fulldisk", logPath(t))
	if out, err := cmd.Output(); err != nil || string(out) != "ok\n" {
		t.Errorf("%s, %v", out, err)
	}
}

func fullDiskChild(args []string) error {
	l, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	small, err := l.Append(context.Background(), oplog.Append{Doc: "small", Entries: oplogtest.Ops("a", 1, 1)})
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	free := limit
	limit.Cur = 24 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	acked, err := fill(l)
	if !errors.Is(err, oplog.ErrUnavailable) || l.Health() == nil {
		return fmt.Errorf("with a full disk after %d ops: %w; health: %w", acked, err, l.Health())
	}
	if err := readBack(l, "filler", acked); err != nil {
		return fmt.Errorf("read with a full disk: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &free); err != nil {
		return err
	}
	a := oplog.Append{Doc: "small", Epoch: small, Entries: oplogtest.Ops("a", 2, 1)}
	if _, err := retry(l, a, func(error) {}); err != nil {
		return fmt.Errorf("append once there is room: %w", err)
	}
	var found []error
	if err := l.Check(context.Background(), func(c *oplog.CorruptionError) { found = append(found, c) }); err != nil {
		return err
	}
	fmt.Println("ok")
	return errors.Join(append(found, readBack(l, "filler", acked), readBack(l, "small", 2), l.Close())...)
}

// fill appends until that fails and returns how many ops were acked.
func fill(l *Log) (acked uint64, err error) {
	payload := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), 100_000)...), '"')
	epoch := oplog.Epoch("")
	for {
		e := oplogtest.Op("a", acked+1)
		e.Payload = payload
		if epoch, err = l.Append(context.Background(), oplog.Append{Doc: "filler", Epoch: epoch, Entries: []oplog.Entry{e}}); err != nil {
			return acked, err
		}
		acked++
	}
}

// retry appends as a client would: again and again, for longer than a log pauses
// after a failure that passes. It calls refused each time that fails.
func retry(l *Log, a oplog.Append, refused func(error)) (epoch oplog.Epoch, err error) {
	const pause = backoff / 20
	for range 30 {
		if epoch, err = l.Append(context.Background(), a); err == nil {
			return epoch, nil
		}
		refused(err)
		<-time.After(pause)
	}
	return "", err
}

// readBack reads a document and says whether it has exactly n ops.
func readBack(l *Log, doc oplog.DocID, n uint64) error {
	got := uint64(0)
	if _, err := l.Read(context.Background(), doc, "", 0, func(*oplog.Entry) bool { got++; return true }); err != nil {
		return err
	}
	if got != n {
		return fmt.Errorf("%q has %d ops, want %d", doc, got, n)
	}
	return nil
}

// TestSystemCallsFail has the kernel fail system calls of a process that appends.
func TestSystemCallsFail(t *testing.T) {
	strace := needStrace(t)
	for _, test := range []struct {
		name   string
		inject string
		final  bool
	}{
		{"SyncOfData", "fdatasync:error=EIO:when=20", true},
		{"SyncOfMeta", "fdatasync:error=EIO:when=21", true},
		{"WriteFull", "pwrite64:error=ENOSPC:when=60", false},
		{"WriteBroken", "pwrite64:error=EIO:when=60", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := logPath(t)
			call, _, _ := strings.Cut(test.inject, ":")
			under := []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + call, "-e", "inject=" + test.inject, "--"}
			out, err := child(t, under, "append", path, "500").Output()
			if err != nil {
				t.Fatal(err)
			}
			acks := parseAcks(t, out)
			if acks.refused == 0 {
				t.Error("nothing failed")
			}
			if acks.atEnd == test.final {
				t.Errorf("at the end an op was acked: %t; the failure is final: %t", acks.atEnd, test.final)
			}
			l, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			acks.check(t, l)
			closeChecked(t, l)
		})
	}
}

// acks is what an appending child said.
type acks struct {
	newest  map[oplog.DocID]uint64 // acked, of each document
	refused int
	atEnd   bool // the last op was acked, after all that may have failed
}

func parseAcks(t *testing.T, out []byte) (a acks) {
	t.Helper()
	a.newest = map[oplog.DocID]uint64{}
	for l := range strings.Lines(string(out)) {
		a.add(t, l)
	}
	return a
}

func (a *acks) add(t *testing.T, line string) {
	t.Helper()
	var doc oplog.DocID
	var seq uint64
	switch _, err := fmt.Sscanf(line, "ack %s %d", &doc, &seq); {
	case strings.HasPrefix(line, "refused "):
		a.refused++
	case strings.HasPrefix(line, "end "):
		a.atEnd = strings.HasPrefix(line, "end true")
	case err != nil:
		t.Fatalf("the child said %q", line)
	default:
		a.newest[doc] = max(a.newest[doc], seq)
	}
}

// check checks that all acked ops are there.
func (a *acks) check(t *testing.T, l *Log) {
	t.Helper()
	if lost := a.lost(l); len(lost) > 0 {
		t.Errorf("acked and lost: %v", lost)
	}
}

// lost returns what was acked and is not there or cannot be read.
func (a *acks) lost(l *Log) (lost []string) {
	ctx := context.Background()
	for doc, seq := range a.newest {
		s, err := l.State(ctx, doc)
		got := s.Head
		if err == nil {
			got = s.First - 1
			_, err = l.Read(ctx, doc, "", s.First-1, func(e *oplog.Entry) bool {
				got = e.Offset
				return true
			})
		}
		if err != nil || uint64(got) < seq {
			lost = append(lost, fmt.Sprintf("%s: %d acked, %d there, %v", doc, seq, got, err))
		}
	}
	return lost
}

// appendChild appends a number of ops to several documents at once and says
// which are acked, and which refused. An argument "nosync" has it do what a log
// must not.
func appendChild(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	l, err := Open(args[0], Options{CommitInterval: time.Millisecond / 2})
	if err != nil {
		return err
	}
	l.db.NoSync = len(args) > 2 && args[2] == "nosync"
	errs := make(chan error)
	const docs = 5
	for i := range docs {
		go func() { errs <- appendSome(l, oplog.DocID(fmt.Sprint("doc", i)), n/docs, os.Stdout) }()
	}
	for range docs {
		err = errors.Join(err, <-errs)
	}
	_, end := retry(l, oplog.Append{Doc: "end", Entries: oplogtest.Ops("a", 1, 1)}, func(error) {})
	fmt.Printf("end %t %v\n", end == nil, end)
	return errors.Join(err, l.Close())
}

// appendSome appends n ops of growing size to a document, and gives up when one
// is refused for too long. Every 40 ops it stores a snapshot, and every 80 it prunes.
func appendSome(l *Log, doc oplog.DocID, n int, out io.Writer) error {
	epoch := oplog.Epoch("")
	for seq := 1; seq <= n; seq++ {
		e := oplogtest.Op("a", uint64(seq))
		e.Payload = fmt.Appendf(nil, `"%0*d"`, 10+seq*7%900, seq)
		got, err := retry(l, oplog.Append{Doc: doc, Epoch: epoch, Entries: []oplog.Entry{e}}, func(err error) {
			fmt.Fprintf(out, "refused %v\n", err)
		})
		if err != nil {
			return nil // it has been said
		}
		epoch = got
		fmt.Fprintf(out, "ack %s %d\n", doc, seq)
		if seq%40 == 0 {
			if err := snapshotAndPrune(context.Background(), l, doc, oplog.Offset(seq)); err != nil && !errors.Is(err, oplog.ErrUnavailable) {
				return err
			}
		}
	}
	return nil
}

func snapshotAndPrune(ctx context.Context, l *Log, doc oplog.DocID, at oplog.Offset) error {
	content := strings.Repeat(string(doc), 2000*int(at%7))
	if _, _, err := l.PutSnapshot(ctx, doc, at, oplog.SnapshotInfo{Format: "json"}, strings.NewReader(content)); err != nil {
		return err
	}
	if at%80 == 0 {
		_, err := l.Prune(ctx, doc, at-10)
		return err
	}
	return nil
}
