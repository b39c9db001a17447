package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// TestFlippedByte turns one byte of a payload in the file while the relay is
// down. The op is never served. Who reads that document is told that it cannot
// go on, the relay's log says where the damage is, and other documents are
// served as ever.
func TestFlippedByte(t *testing.T) {
	const ops = 600
	for _, test := range []struct {
		name    string
		damaged int
		// joins says that the document can be entered: its newest ops, which a
		// relay adds up when it opens a document, are sound.
		joins bool
	}{
		{"old op", 100, true},
		{"new op", ops - 3, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			relay := start(t, dir, nil)
			for _, doc := range []string{"damaged", "sound"} {
				fillDocument(t, relay, doc, ops)
			}
			relay.stop(t)
			path := filepath.Join(dir, "oplog.db")
			place := flip(t, path, secret("damaged", test.damaged))
			if want := fmt.Sprintf("%s, document %q, entry %d", path, "damaged", test.damaged); !strings.Contains(place, want) {
				t.Errorf("the check finds %s, want %s", place, want)
			}

			relay = start(t, dir, nil)
			wantDamaged(t, relay, test.damaged, test.joins)
			for _, part := range []string{path, `\"damaged\"`, fmt.Sprint("entry ", test.damaged), "checksum"} {
				if !strings.Contains(relay.stderr.String(), part) {
					t.Errorf("the relay's log does not say %q:\n%s", part, relay.stderr)
				}
			}
			wantLog(t, relay, "sound", ops)
			p := enter(t, relay, "sound", nil)
			wantHeard(t, p, ops)
			sendUntilTaken(t, p, "sound", &operation{Actor: "later", Seq: 1, Payload: json.RawMessage("1")})
			if code := relay.stop(t); code != 0 {
				t.Errorf("exit code: got %d, want 0\n%s", code, relay.stderr)
			}
		})
	}
}

// secret is part of the payload of one op, and of no other.
func secret(doc string, seq int) string { return fmt.Sprintf("secret-%s-%04d.", doc, seq) }

func fillDocument(t *testing.T, relay *process, doc string, n int) {
	t.Helper()
	p := enter(t, relay, doc, nil)
	for seq := 1; seq <= n; {
		var ops []operation
		for ; len(ops) < 50 && seq <= n; seq++ {
			payload, _ := json.Marshal(secret(doc, seq) + strings.Repeat("x", 500))
			ops = append(ops, operation{Actor: "writer", Seq: uint64(seq), Payload: payload})
		}
		if err := p.send(doc, ops...); err != nil {
			t.Fatal(err)
		}
	}
	for p.await(t, "ack").Seq < uint64(n) {
	}
}

// flip changes one bit of a text where it lies in the log at path, and returns
// what the check finds. Old copies of a page may hold the text too: those the
// check does not miss.
func flip(t *testing.T, path, text string) (place string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; ; {
		i := bytes.Index(file[from:], []byte(text))
		if i < 0 {
			t.Fatalf("%s is nowhere in the log", text)
		}
		at := from + i + len(text)/2
		from = at
		overwrite(t, path, at, file[at]^1)
		var found []string
		report := func(c *oplog.CorruptionError) { found = append(found, c.Place) }
		if err := bolt.CheckFile(t.Context(), path, report); err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return strings.Join(found, "; ")
		}
		overwrite(t, path, at, file[at])
	}
}

func overwrite(t *testing.T, path string, at int, b byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b}, int64(at)); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// wantDamaged reads the damaged document in every way there is.
func wantDamaged(t *testing.T, relay *process, damaged int, joins bool) {
	t.Helper()
	flipped := []byte(secret("damaged", damaged))
	flipped[len(flipped)/2] ^= 1
	never := func(way, text string) {
		if strings.Contains(text, string(flipped)) || strings.Contains(text, secret("damaged", damaged)) {
			t.Errorf("%s served the damaged op: %.200s", way, text)
		}
	}

	p := enter(t, relay, "damaged", nil)
	for heard := 0; ; {
		m := p.await(t, "ops", "left", "error")
		never("a session", m.text)
		heard += len(m.Ops)
		if m.Type == "ops" && heard < damaged {
			continue
		}
		if left := m.Type == "left" && m.Code == "closed"; left != joins {
			t.Errorf("the reader was told %s; want left, closed: %t, else unavailable", m.text, joins)
		}
		if m.Type == "error" && (m.Code != "unavailable" || m.RetryMS <= 0) {
			t.Errorf("the reader was told %s, want unavailable with retry_ms", m.text)
		}
		break
	}
	for _, path := range []string{"/v1/docs/damaged", "/v1/docs/damaged/ops", fmt.Sprintf("/v1/docs/damaged/ops?after=%d", damaged-1)} {
		status, body := relay.get(t, path)
		never("GET "+path, body)
		if status == 200 && (strings.Contains(path, "after") || !joins) {
			t.Errorf("GET %s: got %d %.200s, want an error", path, status, body)
		}
	}
	ops, err := readLog(t.Context(), relay, "damaged")
	if err == nil || len(ops) >= damaged {
		t.Errorf("the stream of lines: got %d ops, %v; want an error before op %d", len(ops), err, damaged)
	}
}

// TestOneProcessALog starts a second relay on a log that has one.
func TestOneProcessALog(t *testing.T) {
	dir := t.TempDir()
	relay := start(t, dir, nil)
	fillDocument(t, relay, "doc", 10)
	code, stderr, took := run(t, "--listen", "127.0.0.1:0", "--data", dir)
	want := fmt.Sprintf("baton: open log: the log is in use by another process: %s: stop the relay or tool that has it open, or give this one another file\n", filepath.Join(dir, "oplog.db"))
	if code != 1 || stderr != want || took > 2*time.Second {
		t.Errorf("the second relay: got exit code %d after %v, %s want 1 within 2 s, %s", code, took, stderr, want)
	}
	fillDocument(t, relay, "other", 10) // the first one is not disturbed
	if code := relay.stop(t); code != 0 {
		t.Errorf("exit code: got %d, want 0\n%s", code, relay.stderr)
	}
	mustCheck(t, dir)
}
