package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// disk is a place for a log that is nearly full.
type disk struct {
	dir  string
	wrap []string             // goes before the command
	full string               // what the system says when it is full
	free func(relay *process) // makes room
}

// TestFullDisk fills the place of the log. Appends are refused for a while and
// reads go on; once there is room the same ops are taken, without a restart.
func TestFullDisk(t *testing.T) {
	t.Run("file system", func(t *testing.T) {
		if d, err := smallFileSystem(t); err == nil {
			fillDisk(t, d)
		} else {
			t.Logf("no small file system (%v): a limit of the file's size stands in for it, see the other test", err)
		}
	})
	t.Run("size limit", func(t *testing.T) { fillDisk(t, sizeLimit(t)) })
}

// smallFileSystem mounts a file system of 16 MiB, which needs a right, and
// takes most of it with another file.
func smallFileSystem(t *testing.T) (*disk, error) {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("baton-test", dir, "tmpfs", 0, "size=16m"); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 14<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return &disk{dir: dir, full: "no space left on device", free: func(*process) {
		if err := os.Remove(ballast); err != nil {
			t.Error(err)
		}
	}}, nil
}

// sizeLimit lets the relay write files of 20 MiB, which needs no right. bbolt
// makes its file larger by 16 MiB at a time.
func sizeLimit(t *testing.T) *disk {
	const blocks = 40 << 10 // of 512 bytes
	wrap := []string{"/bin/sh", "-c", fmt.Sprintf(`ulimit -S -f %d && exec "$@"`, blocks), "sh"}
	return &disk{dir: t.TempDir(), wrap: wrap, full: "file too large", free: func(relay *process) {
		var limit unix.Rlimit
		err := unix.Prlimit(relay.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &limit)
		limit.Cur = limit.Max
		if err := errors.Join(err, unix.Prlimit(relay.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil)); err != nil {
			t.Error(err)
		}
	}}
}

func fillDisk(t *testing.T, d *disk) {
	relay := start(t, d.dir, d.wrap)
	writer := enter(t, relay, "full", nil)
	listener := enter(t, relay, "full", nil)
	refused, last := appendUntilRefused(t, writer, "full", 128<<10)
	if last.Code != "unavailable" || last.RetryMS <= 0 {
		t.Errorf("reject: got %s, want unavailable with retry_ms", last.text)
	}
	// Behind a failure the log takes nothing for a second, then tries again.
	await(t, fmt.Sprintf("/readyz to answer 503 and %q", d.full), func() bool {
		if err := writer.send("full", *refused); err != nil {
			t.Fatal(err)
		}
		writer.await(t, "reject")
		status, body := relay.get(t, "/readyz")
		return status == 503 && strings.Contains(body, d.full)
	})
	taken := int(refused.Seq) - 1
	t.Logf("%d ops taken, then: %s", taken, last.Message)
	wantHeard(t, listener, taken)
	wantLog(t, relay, "full", taken)
	late := enter(t, relay, "full", nil)
	late.await(t, "joined")
	wantHeard(t, late, taken)

	d.free(relay)
	freed := time.Now()
	sendUntilTaken(t, writer, "full", refused)
	t.Logf("taken %v after there was room", time.Since(freed).Round(10*time.Millisecond))
	next := *refused
	next.Seq++
	sendUntilTaken(t, writer, "full", &next)
	wantHeard(t, late, 2)
	wantLog(t, relay, "full", taken+2)
	if status, body := relay.get(t, "/readyz"); status != 200 {
		t.Errorf("/readyz when there is room: got %d %s, want 200", status, body)
	}
	if code := relay.stop(t); code != 0 {
		t.Errorf("exit code: got %d, want 0\n%s", code, relay.stderr)
	}
	mustCheck(t, d.dir)
}

// appendUntilRefused appends ops of one size, one by one, until one is
// rejected. It returns that one and the reject.
func appendUntilRefused(t *testing.T, p *peer, doc string, size int) (*operation, *message) {
	t.Helper()
	fill, _ := json.Marshal(strings.Repeat("x", size))
	for seq := uint64(1); seq < 2000; seq++ {
		o := operation{Actor: "writer", Seq: seq, Payload: fill}
		if err := p.send(doc, o); err != nil {
			t.Fatal(err)
		}
		if m := p.await(t, "ack", "reject"); m.Type == "reject" {
			if m.Seq != seq {
				t.Fatalf("rejected op %d, sent op %d", m.Seq, seq)
			}
			return &o, m
		}
	}
	t.Fatal("2,000 ops were taken and none was refused")
	return nil, nil
}

// sendUntilTaken sends one op again and again, as a reject tells to.
func sendUntilTaken(t *testing.T, p *peer, doc string, o *operation) {
	t.Helper()
	late := time.After(patience)
	for {
		if err := p.send(doc, *o); err != nil {
			t.Fatal(err)
		}
		m := p.await(t, "ack", "reject")
		switch {
		case m.Type == "ack" && m.Seq == o.Seq:
			return
		case m.Type == "ack" || m.Code != "unavailable" || m.RetryMS <= 0:
			t.Fatalf("got %s, want the ack of op %d, or unavailable with retry_ms", m.text, o.Seq)
		}
		select {
		case <-time.After(time.Duration(m.RetryMS) * time.Millisecond):
		case <-late:
			t.Fatalf("op %d is still refused after %v: %s", o.Seq, patience, m.text)
		}
	}
}

// wantHeard reads what a listener is told from here on: so many ops, no more.
func wantHeard(t *testing.T, p *peer, want int) {
	t.Helper()
	got := 0
	for got < want {
		got += len(p.await(t, "ops").Ops)
	}
	if err := p.say(map[string]any{"type": "ping"}); err != nil {
		t.Fatal(err)
	}
	for {
		m := p.await(t, "ops", "pong")
		if m.Type == "pong" {
			break
		}
		got += len(m.Ops)
	}
	if got != want {
		t.Errorf("a listener heard %d ops, want %d", got, want)
	}
}

// wantLog reads a document over HTTP: it has so many ops.
func wantLog(t *testing.T, relay *process, doc string, want int) {
	t.Helper()
	ops, err := readLog(t.Context(), relay, doc)
	if err != nil || len(ops) != want {
		t.Errorf("the log of %s has %d ops, %v; want %d", doc, len(ops), err, want)
	}
}
