package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// liar answers each path with what is said for it, and 404 to all else.
func liar(t *testing.T, answers map[string]http.HandlerFunc) *admin.Relay {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, serve := range answers {
		mux.HandleFunc(pattern, serve)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return open(t, srv.URL, admin.Options{Patience: 300 * time.Millisecond})
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

const info = `{"doc":"d","epoch":"e1","head":3,"first":1,"clock":{"a":2,"b":1},"format":"json","at":5,"participants":0,"access":["read"]}`

func line(offset int, actor string, seq int) string {
	return fmt.Sprintf(`{"offset":%d,"actor":%q,"seq":%d,"clock":{},"at":5,"payload":1}`+"\n", offset, actor, seq)
}

// endless writes something until nobody listens any more.
func endless(w io.Writer, next func() string) {
	for {
		if _, err := io.WriteString(w, next()); err != nil {
			return
		}
	}
}

// TestHostileStreams has a server that looks like a relay send streams that are
// not what they must be. Each must end in an error that says so, and soon.
func TestHostileStreams(t *testing.T) {
	good := line(1, "a", 1) + line(2, "b", 1) + line(3, "a", 2)
	for _, test := range []struct {
		name, epoch string
		send        func(w io.Writer, r *http.Request)
		want        string
	}{
		{"Good", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, good) }, ""},
		{"More", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, good+line(4, "a", 3)) }, ""},
		{"NoEpoch", "", func(w io.Writer, _ *http.Request) { io.WriteString(w, good) }, "epoch"},
		{"OtherEpoch", "e2", func(w io.Writer, _ *http.Request) { io.WriteString(w, good) }, "epoch"},
		{"Nothing", "e1", func(io.Writer, *http.Request) {}, "cut"},
		{"TooShort", "e1", func(w io.Writer, r *http.Request) {
			if r.URL.Query().Get("after") == "0" {
				io.WriteString(w, line(1, "a", 1))
			}
		}, "cut behind offset 1"},
		{"TruncatedJSON", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, good[:30]) }, "cut"},
		{"NotJSON", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, "<html>\n") }, "not one JSON value"},
		{"BlankLines", "e1", func(w io.Writer, _ *http.Request) { endless(w, func() string { return "\n" }) }, "not one JSON value"},
		{"OtherJSON", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, `{"code":"unavailable"}`+"\n") }, "offset"},
		{"OffsetAgain", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, line(1, "a", 1)+line(1, "b", 1)) }, "came behind"},
		{"FromTheStart", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, line(1, "a", 1)+line(2, "b", 1)) }, "offset 1 came behind 2"},
		{"GapInActor", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, line(1, "a", 1)+line(2, "a", 3)) }, "ops are missing"},
		{"LastMissing", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, line(1, "a", 1)+line(2, "b", 1)+line(4, "b", 2)) }, "did not come"},
		{"HeadIsAnother", "e1", func(w io.Writer, _ *http.Request) { io.WriteString(w, line(1, "a", 1)+line(3, "b", 1)) }, "ops are missing"},
		{"EndlessLine", "e1", func(w io.Writer, _ *http.Request) {
			endless(w, func() string { return strings.Repeat(" ", 64<<10) })
		}, "longer than"},
		{"Stalled", "e1", func(w io.Writer, r *http.Request) {
			if r.URL.Query().Get("after") == "0" {
				io.WriteString(w, line(1, "a", 1))
			}
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "nothing for too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := liar(t, map[string]http.HandlerFunc{
				"/v1/docs/d": say(info),
				"/v1/docs/d/ops": func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Baton-Epoch", test.epoch)
					test.send(w, r)
				},
			})
			n := 0
			_, err := r.Read(t.Context(), "d", "", 0, func(*oplog.Entry) bool { n++; return true })
			if test.want == "" {
				if err != nil || n != 3 {
					t.Errorf("got %d ops, %v; want 3", n, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("after %d ops: got error %v, want one with %q", n, err, test.want)
			}
		})
	}
}

func TestHostileAnswers(t *testing.T) {
	state := func(r *admin.Relay) error { _, err := r.State(context.Background(), "d"); return err }
	docs := func(r *admin.Relay) error { _, err := r.Docs(context.Background(), "k", 10); return err }
	snapshot := func(r *admin.Relay) error { _, err := r.Snapshot(context.Background(), "d", 5); return err }
	add := func(r *admin.Relay) error {
		_, err := r.Append(context.Background(), oplog.Append{Doc: "d", Epoch: "e1", Entries: oplogtest.Ops("a", 3, 1)})
		return err
	}
	doc, list, meta, ops := "/v1/docs/d", "/v1/docs", "/v1/docs/d/snapshots/5/meta", "/v1/docs/d/ops"
	for _, test := range []struct {
		name, path string
		answer     http.HandlerFunc
		do         func(*admin.Relay) error
		want       string
	}{
		{"NoRelay", "/elsewhere", say(""), state, "is the URL right"},
		{"Redirected", doc, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, state, "302"},
		{"Page", doc, say("<html>"), state, "not what a relay says"},
		{"Cut", doc, say(info[:50]), state, "not what a relay says"},
		{"Endless", doc, func(w http.ResponseWriter, _ *http.Request) {
			endless(w, func() string { return strings.Repeat(" ", 64<<10) })
		}, state, "longer than"},
		{"OtherDocument", doc, say(strings.Replace(info, `"d"`, `"x"`, 1)), state, `about "x"`},
		{"NoEpoch", doc, say(strings.Replace(info, `"e1"`, `""`, 1)), state, "makes no sense"},
		{"NoFirst", doc, say(strings.Replace(info, `"first":1`, `"first":0`, 1)), state, "makes no sense"},
		{"FirstBehindHead", doc, say(strings.Replace(info, `"first":1`, `"first":9`, 1)), state, "makes no sense"},
		{"NegativeHead", doc, say(strings.Replace(info, `"head":3`, `"head":-3`, 1)), state, "not what a relay says"},
		{"BadFormat", doc, say(strings.Replace(info, `"json"`, `"/"`, 1)), state, "format"},
		{"BadClock", doc, say(strings.Replace(info, `"b":1`, `"b":0`, 1)), state, "not what a relay says"},

		{"ListBackwards", list, say(`{"docs":["m","l"]}`), docs, "out of order"},
		{"ListFromTheStart", list, say(`{"docs":["a"]}`), docs, "out of order"},
		{"ListOfNonsense", list, say(`{"docs":["../m"]}`), docs, "document name"},
		{"ListTooLong", list, say(`{"docs":["m01","m02","m03","m04","m05","m06","m07","m08","m09","m10","m11"]}`), docs, "go on"},
		{"ListInCircles", list, say(`{"docs":[],"next":"k"}`), docs, "go on"},

		{"SnapshotBehind", meta, say(`{"offset":6,"bytes":1,"sha256":"` + strings.Repeat("0", 64) + `","format":"json","clock":{}}`), snapshot, "behind 5"},
		{"SnapshotWithoutSum", meta, say(`{"offset":5,"bytes":1,"format":"json","clock":{}}`), snapshot, "makes no sense"},
		{"SnapshotOfLess", meta, say(`{"offset":5,"bytes":-1,"sha256":"` + strings.Repeat("0", 64) + `","format":"json","clock":{}}`), snapshot, "makes no sense"},

		{"NeitherAckNorReject", ops, say(`{"acks":[],"rejects":[]}`), add, "neither took nor rejected"},
		{"AckOfAnother", ops, say(`{"acks":[{"actor":"a","seq":2,"offset":2}],"rejects":[]}`), add, "neither took nor rejected"},
		{"RejectOfNothing", ops, say(`{"acks":[],"rejects":[{}]}`), add, "rejected"},
		{"AlwaysLater", ops, say(`{"acks":[],"rejects":[{"actor":"a","seq":3,"code":"rate_limited","message":"slow","retry_ms":1}]}`), add, "rate_limited"},
		{"AckedAndNotThere", ops, say(`{"acks":[{"actor":"a","seq":3,"offset":4}],"rejects":[]}`), add, "not there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answers := map[string]http.HandlerFunc{test.path: test.answer}
			if test.path == ops {
				answers[doc] = say(info)
			}
			err := test.do(liar(t, answers))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
			if errors.Is(err, oplog.ErrNotFound) {
				t.Errorf("it passes for something that does not exist: %v", err)
			}
		})
	}
}

// TestHostileSnapshots has a server send other bytes than it has announced.
func TestHostileSnapshots(t *testing.T) {
	const size = 3 << 20
	meta := fmt.Sprintf(`{"offset":5,"bytes":%d,"sha256":"%064d","format":"json","clock":{}}`, size, 1)
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", fmt.Sprintf(`"%064d"`, 1))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("x", size)))
	}
	for _, test := range []struct {
		name  string
		serve http.HandlerFunc
		want  string
	}{
		{"OtherBytes", serve, "another SHA-256"},
		{"Whole", func(w http.ResponseWriter, r *http.Request) { endless(w, func() string { return "xxxxxxxx" }) }, "200 OK"},
		{"OtherRange", func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=1-10")
			serve(w, r)
		}, "206"},
		{"Short", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", 1<<20-1, size))
			w.WriteHeader(206)
			io.WriteString(w, "xxx")
		}, "EOF"},
		{"Replaced", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"another"`)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("x", size)))
		}, "another now"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := liar(t, map[string]http.HandlerFunc{"/v1/docs/d/snapshots/5/meta": say(meta), "/v1/docs/d/snapshots/5": test.serve})
			data, err := r.SnapshotData(t.Context(), "d", 5)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, io.NewSectionReader(data, 0, 1<<40))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestReadTakesLittleMemory reads a document of many ops and lets each go.
func TestReadTakesLittleMemory(t *testing.T) {
	const ops, size = 2000, 100_000 // 200 MB
	payload := `"` + strings.Repeat("x", size) + `"`
	r := liar(t, map[string]http.HandlerFunc{
		"/v1/docs/d": say(fmt.Sprintf(`{"doc":"d","epoch":"e1","head":%d,"first":1,"clock":{"a":%d},"format":"json","at":5,"access":[]}`, ops, ops)),
		"/v1/docs/d/ops": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Baton-Epoch", "e1")
			for i := 1; i <= ops; i++ {
				fmt.Fprintf(w, `{"offset":%d,"actor":"a","seq":%d,"clock":{},"at":5,"payload":%s}`+"\n", i, i, payload)
			}
		},
	})
	n, most := 0, uint64(0)
	_, err := r.Read(t.Context(), "d", "", 0, func(*oplog.Entry) bool {
		if n++; n%200 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return true
	})
	if err != nil || n != ops {
		t.Fatalf("%d ops, %v", n, err)
	}
	if most > 32<<20 {
		t.Errorf("the heap had %d bytes meanwhile", most)
	}
}

func TestContextEndsPauses(t *testing.T) {
	r := liar(t, map[string]http.HandlerFunc{"/v1/docs/d": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		io.WriteString(w, `{"code":"unavailable","message":"full","retry_ms":60000}`)
	}})
	if _, err := r.State(t.Context(), "d"); !errors.Is(err, oplog.ErrUnavailable) {
		t.Errorf("a relay that is away for longer than anyone waits: %v", err)
	}
	patient := open(t, "http://127.0.0.1:1", admin.Options{Patience: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := patient.State(ctx, "d"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that nobody wants any more: %v", err)
	}
}
