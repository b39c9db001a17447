package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestFailedSync has the kernel say that a sync failed. Nothing of what was to
// be synced is acked or served, nor anything later: what the disk holds is not
// known any more. Reads go on. A restart finds all that was acked.
func TestFailedSync(t *testing.T) {
	// A commit syncs its pages, then its meta page. strace counts the syncs of
	// each thread by itself, so which of the two fails has to be tried.
	failed := map[string]bool{}
	for nth := 20; len(failed) < 2; nth++ {
		if nth == 32 {
			t.Fatalf("of twelve failed syncs all were those of one kind: %v", failed)
		}
		t.Run(fmt.Sprintf("sync %d", nth), func(t *testing.T) { failed[failSync(t, nth)] = true })
		if t.Failed() {
			return
		}
	}
}

// failSync runs a relay of which the nth sync fails, and those after it. It
// returns what that was a sync of.
func failSync(t *testing.T, nth int) (which string) {
	t.Helper()
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	relay := start(t, dir, traced(t, trace, "-e", "trace=pwrite64,fsync,fdatasync",
		"-e", fmt.Sprintf("inject=fsync,fdatasync:error=EIO:when=%d+", nth)))
	writer := enter(t, relay, "doc", nil)
	listener := enter(t, relay, "doc", nil)
	refused, last := appendUntilRefused(t, writer, "doc", 100)
	acked := int(refused.Seq) - 1
	if last.Code != "unavailable" || last.RetryMS <= 0 {
		t.Errorf("reject: got %s, want unavailable with retry_ms", last.text)
	}

	// From here on it takes nothing, in no document, and serves what is durable.
	for _, try := range []struct{ doc, actor string }{{"doc", "writer"}, {"doc", "another"}, {"new", "writer"}} {
		p := enter(t, relay, try.doc, nil)
		o := operation{Actor: try.actor, Seq: 1, Payload: json.RawMessage(`"later"`)}
		if try.actor == refused.Actor && try.doc == "doc" {
			o = *refused
		}
		if err := p.send(try.doc, o); err != nil {
			t.Fatal(err)
		}
		if m := p.await(t, "ack", "reject"); m.Code != "unavailable" {
			t.Errorf("%s in %s after a failed sync: got %s, want unavailable", o.name(), try.doc, m.text)
		}
	}
	wantHeard(t, listener, acked)
	late := enter(t, relay, "doc", nil)
	if m := late.await(t, "joined"); m.Head != uint64(acked) {
		t.Errorf("joined with head %d, want %d", m.Head, acked)
	}
	wantHeard(t, late, acked)
	wantLog(t, relay, "doc", acked)
	status, body := relay.get(t, "/readyz")
	if status != 503 || !strings.Contains(body, "input/output error") || !strings.Contains(body, "until it is opened again") {
		t.Errorf("/readyz after a failed sync: got %d %s, want 503 and why", status, body)
	}
	if n := strings.Count(relay.stderr.String(), "the log takes no writes until it is opened again"); n != 1 {
		t.Errorf("the relay's log says %d times that it takes no writes, want once:\n%s", n, relay.stderr)
	}
	relay.stop(t)
	which = failedSync(t, trace)
	t.Logf("%d ops acked, then the sync of the %s failed: %s", acked, which, strings.TrimSpace(body))
	afterFailedSync(t, dir, acked, refused)
	return which
}

// afterFailedSync starts the relay again: all that was acked is there, and what
// was refused can be sent again, even if it was taken.
func afterFailedSync(t *testing.T, dir string, acked int, refused *operation) {
	t.Helper()
	mustCheck(t, dir)
	relay := start(t, dir, nil)
	ops, err := readLog(t.Context(), relay, "doc")
	if err != nil || len(ops) != acked && len(ops) != acked+1 {
		t.Errorf("after the restart the log has %d ops, %v; want %d, or one more", len(ops), err, acked)
	}
	contents(t, "doc", ops)
	sendUntilTaken(t, enter(t, relay, "doc", nil), "doc", refused)
	wantLog(t, relay, "doc", acked+1)
	if code := relay.stop(t); code != 0 {
		t.Errorf("exit code: got %d, want 0\n%s", code, relay.stderr)
	}
	mustCheck(t, dir)
}

// failedSync says what the first failed sync in a trace was a sync of: that of a
// commit's pages, or that of the meta page behind them.
func failedSync(t *testing.T, trace string) (which string) {
	t.Helper()
	last, odd := "data", 0
	end := func(c *call) {
		switch {
		case which != "" || !c.log():
		case c.name == "pwrite64":
			m := position.FindStringSubmatch(c.text[max(0, len(c.text)-200):])
			if m == nil {
				odd++
				return
			}
			last = "data"
			if at, _ := strconv.Atoi(m[1]); at < 2*os.Getpagesize() {
				last = "meta"
			}
		case c.result < 0:
			which = last
		}
	}
	if err := readTraceFile(trace, func(*call) {}, end); err != nil || odd > 0 || which == "" {
		t.Fatalf("no failed sync in the trace (%v, %d writes not understood)", err, odd)
	}
	return which
}
