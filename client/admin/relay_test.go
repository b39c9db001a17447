package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// people gives rights to tokens, which are also the subjects.
type people map[string]auth.Patterns

func (p people) Authorize(_ context.Context, token string) (*auth.Identity, error) {
	docs, ok := p[token]
	if !ok {
		return nil, auth.ErrToken
	}
	return &auth.Identity{Subject: token, Docs: docs}, nil
}

func readAll(t *testing.T, r *admin.Relay, doc oplog.DocID) (all []oplog.Entry) {
	t.Helper()
	_, err := r.Read(t.Context(), doc, "", 0, func(e *oplog.Entry) bool {
		k := *e
		k.Payload, k.Ext = slices.Clone(e.Payload), slices.Clone(e.Ext)
		all = append(all, k)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOpenURLs(t *testing.T) {
	url, log := startRelay(t, relay.Config{})
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "d", Entries: oplogtest.Ops("a", 1, 1)}); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(url, "http://")
	for _, u := range []string{"ws://" + host, "http://" + host + "/", "ws://" + host + "/v1/ws", "http://" + host + "/v1/ws/", "http://user:password@" + host} {
		if s, err := open(t, u, admin.Options{}).State(t.Context(), "d"); err != nil || s.Head != 1 {
			t.Errorf("%s: %+v, %v", u, s.Span, err)
		}
	}
	for _, u := range []string{"", host, "ftp://" + host, "http://", "http:///v1/ws", "http://" + host + "/?access_token=x", "://"} {
		if _, err := admin.Open(u, admin.Options{}); err == nil {
			t.Errorf("%q was opened", u)
		}
	}
}

// TestAppendKeeps checks that what is imported is read as it was given.
func TestAppendKeeps(t *testing.T) {
	url, log := startRelay(t, relay.Config{Auth: people{"root": {"*": auth.All}}})
	r := open(t, url, admin.Options{Token: "root"})
	entries := []oplog.Entry{oplogtest.Op("a", 1), oplogtest.Op("b.c:d_e-f", 1, clock.Dot{Actor: "a", Seq: 1}), oplogtest.Op("a", 2)}
	entries[0].Payload = []byte(`"🦆 \u0000 \ud83d"`)
	entries[0].By, entries[0].At = "somebody@example.org", 1_500_000_000_000
	entries[1].Ext = []byte(`{"x":[1,2]}`)
	entries[2].Payload = []byte(`{"a":1,"a":1e400}`)
	entries[2].At = 1_500_000_000_007
	entries[2].By = "somebody@example.org"
	want := slices.Clone(entries)
	epoch, err := r.Append(t.Context(), oplog.Append{Doc: "d", Format: "yjs", Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	got := readAll(t, r, "d")
	s, err := log.State(t.Context(), "d")
	if err != nil || s.Epoch != epoch || s.Format != "yjs" || len(got) != len(want) {
		t.Fatalf("%d entries; state %+v, %v", len(got), s, err)
	}
	want[1].By = "root" // who sends what nobody signed
	want[1].At = got[1].At
	want[2].At = max(want[2].At, got[1].At)
	for i := range got {
		g, w := &got[i], &want[i]
		if g.Dot != w.Dot || !g.SameContent(&w.Op) || g.By != w.By || g.At != w.At || g.Clock.Compare(w.Clock) != clock.Equal {
			t.Errorf("got %+v, want %+v", g, w)
		}
		if g.Offset != entries[i].Offset || g.At != entries[i].At {
			t.Errorf("%v was said to be at %d, %d and is at %d, %d", g.Dot, entries[i].Offset, entries[i].At, g.Offset, g.At)
		}
	}
	redacted := oplogtest.Op("a", 3)
	redacted.Payload, redacted.Redacted = nil, true
	if _, err := r.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{redacted}}); err == nil {
		t.Error("a redacted op was sent")
	}
}

// TestAppendFitsBodies appends to relays that take less at once than others.
func TestAppendFitsBodies(t *testing.T) {
	for _, limits := range []wire.Limits{{}, {OpsPerFrame: 7}, {FrameBytes: 2000}} {
		url, _ := startRelay(t, relay.Config{Limits: limits})
		r := open(t, url, admin.Options{})
		entries := oplogtest.Ops("a", 1, 1200)
		if _, err := r.Append(t.Context(), oplog.Append{Doc: "d", Entries: entries}); err != nil {
			t.Fatalf("%+v: %v", limits, err)
		}
		for i, e := range readAll(t, r, "d") {
			if e.Dot != entries[i].Dot || !e.SameContent(&entries[i].Op) || e.Offset != entries[i].Offset {
				t.Fatalf("%+v: entry %d is %+v, want %+v", limits, i, e, entries[i])
			}
		}
	}
}

func TestAppendRejected(t *testing.T) {
	url, _ := startRelay(t, relay.Config{Auth: people{"ann": {"*": auth.All &^ auth.Admin}, "bob": {"*": auth.All &^ auth.Admin}}})
	ann, bob := open(t, url, admin.Options{Token: "ann"}), open(t, url, admin.Options{Token: "bob"})
	epoch, err := ann.Append(t.Context(), oplog.Append{Doc: "d", Entries: oplogtest.Ops("a", 1, 2)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = bob.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{oplogtest.Op("b", 1), oplogtest.Op("a", 3)}})
	if no, ok := errors.AsType[*admin.RejectedError](err); !ok || no.Code != wire.Forbidden || no.Op != (clock.Dot{Actor: "a", Seq: 3}) || no.Message == "" {
		t.Errorf("an op of somebody else's actor: %v", err)
	}
	large := oplogtest.Op("b", 2)
	large.Payload = []byte(`"` + strings.Repeat("x", 900_000) + `"`)
	_, err = bob.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{large}})
	if no, ok := errors.AsType[*admin.RejectedError](err); !ok || no.Op != large.Dot || !errors.Is(err, oplog.ErrTooLarge) {
		t.Errorf("an op that is too large: %v", err)
	}
	huge := oplogtest.Op("b", 2)
	huge.Payload = []byte(`"` + strings.Repeat("x", 2<<20) + `"`)
	_, err = bob.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{oplogtest.Op("c", 1), huge}})
	if no, ok := errors.AsType[*admin.RejectedError](err); !ok || no.Op != huge.Dot || !errors.Is(err, oplog.ErrTooLarge) {
		t.Errorf("an op that fits no body: %v", err)
	}
}

func TestAccess(t *testing.T) {
	url, _ := startRelay(t, relay.Config{Auth: people{
		"root": {"*": auth.All}, "reader": {"d": auth.Read}, "writer": {"*": auth.Read | auth.Write},
	}})
	root, reader, nobody := open(t, url, admin.Options{Token: "root"}), open(t, url, admin.Options{Token: "reader"}), open(t, url, admin.Options{})
	check := func(r *admin.Relay, want ...string) {
		t.Helper()
		if got, err := r.Access(t.Context(), "d"); err != nil || !slices.Equal(got, want) {
			t.Errorf("access: got %v, %v; want %v", got, err, want)
		}
	}
	check(root, "read", "write", "presence", "compact", "admin")
	check(reader, "read")
	if _, err := root.Append(t.Context(), oplog.Append{Doc: "d", Entries: oplogtest.Ops("a", 1, 3)}); err != nil {
		t.Fatal(err)
	}
	check(reader, "read")
	check(open(t, url, admin.Options{Token: "writer"}), "read", "write")

	s, err := reader.State(t.Context(), "d")
	if err != nil || s.At == 0 {
		t.Fatalf("state %+v, %v", s, err)
	}
	for name, test := range map[string]struct {
		do     func() error
		status int
		right  string
		doc    oplog.DocID
	}{
		"NoToken": {func() error { _, err := nobody.State(t.Context(), "d"); return err }, 401, "read", "d"},
		"Other":   {func() error { _, err := reader.Access(t.Context(), "e"); return err }, 403, "read", "e"},
		"Append": {func() error {
			_, err := reader.Append(t.Context(), oplog.Append{Doc: "d", Epoch: s.Epoch, Entries: oplogtest.Ops("a", 4, 1)})
			return err
		}, 403, "write", "d"},
		"PutSnapshot": {func() error {
			_, _, err := reader.PutSnapshot(t.Context(), "d", 3, oplog.SnapshotInfo{}, strings.NewReader("x"))
			return err
		}, 403, "compact", "d"},
		"Prune":  {func() error { _, err := reader.Prune(t.Context(), "d", 2); return err }, 403, "admin", "d"},
		"Delete": {func() error { return reader.Delete(t.Context(), "d") }, 403, "admin", "d"},
		"Backup": {func() error { return reader.Backup(t.Context(), io.Discard) }, 403, "admin", ""},
		"Docs":   {func() error { _, err := reader.Docs(t.Context(), "", 1); return err }, 403, "admin", ""},
	} {
		err := test.do()
		no, ok := errors.AsType[*admin.AccessError](err)
		if !ok || no.Status != test.status || no.Right != test.right || no.Doc != test.doc || !strings.Contains(err.Error(), "right "+test.right) {
			t.Errorf("%s: got error %v (%+v)", name, err, no)
		}
	}
}

// TestPagesOfDocs lists more documents than the caller sees, in small pages.
func TestPagesOfDocs(t *testing.T) {
	url, log := startRelay(t, relay.Config{Auth: people{"ann": {"m*": auth.All}}})
	var want []oplog.DocID
	for i := range 60 {
		doc := oplog.DocID(fmt.Sprintf("%c%02d", "am"[i%2], i))
		if _, err := log.Append(t.Context(), oplog.Append{Doc: doc, Entries: oplogtest.Ops("a", 1, 1)}); err != nil {
			t.Fatal(err)
		}
		if doc[0] == 'm' {
			want = append(want, doc)
		}
	}
	r := open(t, url, admin.Options{Token: "ann"})
	for limit := 1; limit < 40; limit += 7 {
		if got, err := r.Docs(t.Context(), "", limit); err != nil || !slices.Equal(got, want[:min(limit, len(want))]) {
			t.Errorf("%d documents: %q, %v", limit, got, err)
		}
	}
}

// flaky is a transport that has a fault at every request, while there are any
// left; what it does then is fault's.
type flaky struct {
	http.RoundTripper
	faults int
	fault  func(f *flaky, req *http.Request) (*http.Response, error)
	seen   int
}

func (f *flaky) RoundTrip(req *http.Request) (*http.Response, error) {
	f.seen++
	if f.faults > 0 {
		f.faults--
		return f.fault(f, req)
	}
	return f.RoundTripper.RoundTrip(req)
}

// cutAfter cuts each answer after some bytes of its body.
func cutAfter(n int64) func(f *flaky, req *http.Request) (*http.Response, error) {
	return func(f *flaky, req *http.Request) (*http.Response, error) {
		resp, err := f.RoundTripper.RoundTrip(req)
		if err == nil {
			body := resp.Body
			resp.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(body, n), brokenReader{}), body}
		}
		return resp, err
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// busy answers 503, as a relay does that takes nothing for the moment.
func busy(_ *flaky, req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return &http.Response{
		StatusCode: 503, Status: "503 Service Unavailable", Header: http.Header{}, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"code":"unavailable","message":"for a moment","retry_ms":1}`)),
	}, nil
}

// lost takes the request to the relay and loses the answer.
func lost(f *flaky, req *http.Request) (*http.Response, error) {
	if resp, err := f.RoundTripper.RoundTrip(req); err == nil {
		resp.Body.Close()
	}
	return nil, errors.New("connection reset")
}

// TestGoesOn has requests fail in ways that pass, and wants to see nothing of it.
func TestGoesOn(t *testing.T) {
	blob := strings.Repeat("state ", 500_000)
	for name, fault := range map[string]func(*flaky, *http.Request) (*http.Response, error){
		"Busy": busy, "Lost": lost, "Cut": cutAfter(30), "CutLater": cutAfter(20_000), "CutMuchLater": cutAfter(300_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, log := startRelay(t, relay.Config{})
			f := &flaky{RoundTripper: http.DefaultTransport, fault: fault}
			r := open(t, url, admin.Options{HTTPClient: &http.Client{Transport: f}})
			f.faults = 3
			entries := oplogtest.Ops("a", 1, 1000)
			epoch, err := r.Append(t.Context(), oplog.Append{Doc: "d", Entries: entries})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := log.PutSnapshot(t.Context(), "d", 900, oplog.SnapshotInfo{}, strings.NewReader(blob)); err != nil {
				t.Fatal(err)
			}
			f.faults = 3
			if got := readAll(t, r, "d"); len(got) != 1000 {
				t.Errorf("got %d ops, want 1000", len(got))
			}
			f.faults = 2
			data, err := r.SnapshotData(t.Context(), "d", 900)
			if err != nil {
				t.Fatal(err)
			}
			f.faults = 3
			if got, err := io.ReadAll(io.NewSectionReader(data, 0, 1<<40)); err != nil || string(got) != blob {
				t.Errorf("got %d bytes of a snapshot, %v; want %d", len(got), err, len(blob))
			}
			f.faults = 3
			if first, err := r.Prune(t.Context(), "d", 500); err != nil || first != 500 {
				t.Errorf("Prune: %d, %v", first, err)
			}
			if s, err := log.State(t.Context(), "d"); err != nil || s.Head != 1000 || s.Epoch != epoch {
				t.Errorf("the log has %+v, %v", s.Span, err)
			}
			if f.faults > 0 {
				t.Errorf("%d faults are left", f.faults)
			}
		})
	}
}

// TestPrunedMeanwhile prunes a document while it is read, beyond what was sent.
func TestPrunedMeanwhile(t *testing.T) {
	url, log := startRelay(t, relay.Config{})
	entries := oplogtest.Ops("a", 1, 2000)
	for i := range entries {
		entries[i].Payload = []byte(`"` + strings.Repeat("x", 20_000) + `"`) // more than sockets hold
	}
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "d", Entries: entries}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := log.PutSnapshot(t.Context(), "d", 2000, oplog.SnapshotInfo{}, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	n := 0
	span, err := open(t, url, admin.Options{}).Read(t.Context(), "d", "", 0, func(*oplog.Entry) bool {
		if n++; n == 1 {
			if _, err := log.Prune(t.Context(), "d", 1990); err != nil {
				t.Error(err)
			}
		}
		return true
	})
	if !errors.Is(err, oplog.ErrPruned) || span.First != 1990 || span.Head != 2000 {
		t.Errorf("after %d ops: %+v, %v", n, span, err)
	}
}

// TestPutSnapshotWaits stores a snapshot that a busy relay refuses at first.
func TestPutSnapshotWaits(t *testing.T) {
	url, log := startRelay(t, relay.Config{})
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "d", Entries: oplogtest.Ops("a", 1, 1)}); err != nil {
		t.Fatal(err)
	}
	f := &flaky{RoundTripper: http.DefaultTransport, fault: busy, faults: 2}
	r := open(t, url, admin.Options{HTTPClient: &http.Client{Transport: f}})
	blob := bytes.Repeat([]byte("x"), 3<<20)
	if s, stored, err := r.PutSnapshot(t.Context(), "d", 1, oplog.SnapshotInfo{}, bytes.NewReader(blob)); err != nil || !stored || s.Bytes != 3<<20 || f.seen != 3 {
		t.Errorf("stored %t, %+v, %v after %d requests", stored, s, err, f.seen)
	}
}
