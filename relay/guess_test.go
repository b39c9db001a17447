package relay

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
)

// askedLog counts what the log is asked about documents.
type askedLog struct {
	oplog.Log
	asked atomic.Int64
}

func (l *askedLog) around(log oplog.Log) { l.Log = log }

// Append implements [oplog.Log], as do the others.
func (l *askedLog) Append(ctx context.Context, a oplog.Append) (oplog.Epoch, error) {
	l.asked.Add(1)
	return l.Log.Append(ctx, a)
}

func (l *askedLog) State(ctx context.Context, doc oplog.DocID) (oplog.State, error) {
	l.asked.Add(1)
	return l.Log.State(ctx, doc)
}

func (l *askedLog) Read(ctx context.Context, doc oplog.DocID, epoch oplog.Epoch, after oplog.Offset, visit func(*oplog.Entry) bool) (oplog.Span, error) {
	l.asked.Add(1)
	return l.Log.Read(ctx, doc, epoch, after, visit)
}

func (l *askedLog) Locate(ctx context.Context, doc oplog.DocID, c clock.Vector) (oplog.Offset, error) {
	l.asked.Add(1)
	return l.Log.Locate(ctx, doc, c)
}

func (l *askedLog) Lookup(ctx context.Context, doc oplog.DocID, dots []clock.Dot, visit func(*oplog.Entry) bool) error {
	l.asked.Add(1)
	return l.Log.Lookup(ctx, doc, dots, visit)
}

func (l *askedLog) Docs(ctx context.Context, after oplog.DocID, limit int) ([]oplog.DocID, error) {
	l.asked.Add(1)
	return l.Log.Docs(ctx, after, limit)
}

func (l *askedLog) PutSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset, info oplog.SnapshotInfo, r io.Reader) (oplog.Snapshot, bool, error) {
	l.asked.Add(1)
	return l.Log.PutSnapshot(ctx, doc, at, info, r)
}

func (l *askedLog) Snapshot(ctx context.Context, doc oplog.DocID, atOrBefore oplog.Offset) (oplog.Snapshot, error) {
	l.asked.Add(1)
	return l.Log.Snapshot(ctx, doc, atOrBefore)
}

func (l *askedLog) SnapshotData(ctx context.Context, doc oplog.DocID, at oplog.Offset) (io.ReaderAt, error) {
	l.asked.Add(1)
	return l.Log.SnapshotData(ctx, doc, at)
}

func (l *askedLog) DeleteSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset) error {
	l.asked.Add(1)
	return l.Log.DeleteSnapshot(ctx, doc, at)
}

func (l *askedLog) Prune(ctx context.Context, doc oplog.DocID, before oplog.Offset) (oplog.Offset, error) {
	l.asked.Add(1)
	return l.Log.Prune(ctx, doc, before)
}

func (l *askedLog) Delete(ctx context.Context, doc oplog.DocID) error {
	l.asked.Add(1)
	return l.Log.Delete(ctx, doc)
}

// Who guesses the name of a document without a right in it gets, by every way in,
// the same answer whether it exists, has people in it, or not. The log is not even
// asked, and no room is made: so neither does the time differ.
func TestGuessingNames(t *testing.T) {
	log := &askedLog{}
	h := start(t, Config{Log: log, Auth: people{
		"root": everything, "own": {"own-*": auth.All}, "nothing": {}, "taken": {"*": auth.All, "board-*": 0},
	}})
	for _, doc := range []string{"board-there", "own-doc"} {
		h.wantAs("root", 200, "POST /v1/docs/"+doc+"/ops", `[{"actor":"a","seq":1,"payload":1}]`)
	}
	h.put("board-there", 1, "blob", "Authorization: Bearer root").want(t, "put", 201)
	h.join("root", "board-there")

	const gone = "board-gone" // never was
	ways := []struct{ line, body string }{
		{"GET /v1/docs/DOC", ""},
		{"DELETE /v1/docs/DOC", ""},
		{"GET /v1/docs/DOC/ops", ""},
		{"GET /v1/docs/DOC/ops?after=1&epoch=x", ""},
		{"GET /v1/docs/DOC/ops?wait=1s", ""},
		{"POST /v1/docs/DOC/ops", `[{"actor":"a","seq":1,"payload":1}]`},
		{"POST /v1/docs/DOC/ops?format=yjs&epoch=x", `[{"actor":"a","seq":1,"payload":1}]`},
		{"POST /v1/docs/DOC/events", `{"name":"n"}`},
		{"POST /v1/docs/DOC/prune?before=1", ""},
		{"GET /v1/docs/DOC/snapshots/1", ""},
		{"GET /v1/docs/DOC/snapshots/latest", ""},
		{"GET /v1/docs/DOC/snapshots/latest/meta", ""},
		{"PUT /v1/docs/DOC/snapshots/1", "blob"},
		{"DELETE /v1/docs/DOC/snapshots/1", ""},
		{"PATCH /v1/docs/DOC", ""},
		{"GET /v1/docs/DOC/nothing", ""},
	}
	frames := []string{
		`{"type":"join","doc":"DOC"}`, `{"type":"join","doc":"DOC","format":"yjs","since":{"epoch":"x","offset":1}}`,
		`{"type":"leave","doc":"DOC"}`, `{"type":"ops","doc":"DOC","ops":[{"actor":"a","seq":1,"payload":1}]}`,
		`{"type":"presence","doc":"DOC","state":{}}`, `{"type":"event","doc":"DOC","name":"n"}`,
	}
	asked := log.asked.Load()
	for _, who := range []string{"own", "nothing", "taken", "", "nobody"} {
		for _, way := range ways {
			for _, accept := range []string{"", typeLines, typeEvents} {
				guess := func(doc string) string {
					got := h.do(strings.Replace(way.line, "DOC", doc, 1), way.body, "Authorization: Bearer "+who, "Accept: "+accept)
					for _, name := range []string{headerRequestID, "Date"} {
						got.header.Del(name)
					}
					if got.status < 400 {
						t.Errorf("%s as %q: got %d", way.line, who, got.status)
					}
					return strings.ReplaceAll(fmt.Sprint(got), doc, "DOC")
				}
				// One character apart in length would be apart in Content-Length.
				if there, not := guess("board-there"), guess(gone+"1"); there != not {
					t.Errorf("%s as %q: got %s for one that exists, %s for one that does not", way.line, who, there, not)
				}
			}
		}
		if who == "" || who == "nobody" {
			continue // has no session
		}
		l := h.listen(who)
		for _, frame := range frames {
			guess := func(doc string) string {
				l.send(strings.Replace(frame, "DOC", doc, 1))
				return strings.ReplaceAll(l.frame().raw, doc, "DOC")
			}
			if there, not := guess("board-there"), guess(gone+"1"); there != not || !strings.Contains(there, `"error"`) {
				t.Errorf("%s as %q: got %s for one that exists, %s for one that does not", frame, who, there, not)
			}
		}
	}
	if n := log.asked.Load() - asked; n > 0 {
		t.Errorf("the log was asked %d times", n)
	}
	if n := len(h.srv.allRooms()); n != 1 {
		t.Errorf("%d rooms are open, want the one with somebody in it", n)
	}
	// What lists, and what is counted, names nobody's documents either.
	for query, want := range map[string]string{
		"": `{"docs":["own-doc"]}`, "?limit=1": `{"docs":["own-doc"],"next":"own-doc"}`,
		"?limit=1&after=own-doc": `{"docs":[]}`, "?after=board-": `{"docs":["own-doc"]}`, "?limit=1&after=board-": `{"docs":["own-doc"],"next":"own-doc"}`,
	} {
		if got := h.wantAs("own", 200, "GET /v1/docs"+query, ""); got.body != want {
			t.Errorf("list %q: got %s, want %s", query, got.body, want)
		}
	}
	for _, path := range []string{"/metrics", "/v1/admin/status", "/v1/admin/backup"} {
		h.wantAs("own", 403, "GET "+path, "")
	}
	if got := h.wantAs("root", 200, "GET /metrics", ""); strings.Contains(got.body, "board-") {
		t.Error("the metrics name documents")
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := h.do("GET "+path, ""); strings.Contains(got.body, "board-") {
			t.Errorf("%s: got %s", path, got.body)
		}
	}
}
