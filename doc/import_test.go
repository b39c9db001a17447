//go:build cgo

package doc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// TestFileBecomesTheOpsThatItWasMadeOf saves a document and splits it again.
func TestFileBecomesTheOpsThatItWasMadeOf(t *testing.T) {
	h := madeInJS(t, "kinds")
	state, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(6), Want: Want{Save: true}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	got, err := Engine{}.Split(t.Context(), state.Save, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(h.ops) {
		t.Fatalf("got %d ops, want %d", len(got), len(h.ops))
	}
	for i := range got {
		if got[i].Dot != h.ops[i].Dot || got[i].Clock.Compare(h.ops[i].Clock) != clock.Equal || !got[i].SameContent(&h.ops[i].Op) {
			t.Errorf("op %d: got %+v, want %+v", i+1, got[i].Op, h.ops[i].Op)
		}
		if got[i].At > now || i > 0 && got[i].At < got[i-1].At {
			t.Errorf("op %d has the time %d, behind %d, now %d", i+1, got[i].At, got[max(i-1, 0)].At, now)
		}
	}
	if year := time.UnixMilli(got[0].At).Year(); year < 2026 {
		t.Errorf("the first op is of %d", year)
	}
	log := openLog(t)
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "copy", Format: Automerge, Entries: got}); err != nil {
		t.Fatal(err)
	}
	if found := verifyAll(t, log, "copy"); len(found) > 0 {
		t.Errorf("verify: got %v, want nothing", found)
	}
}

func TestFilesThatAreNoDocuments(t *testing.T) {
	for name, file := range map[string]string{"empty": "", "junk": "no Automerge data", "cut": string(magic)} {
		entries, err := Engine{}.Split(t.Context(), []byte(file), 0)
		base, _ := errors.AsType[*BaseError](err)
		if err == nil || file != "" && base == nil {
			t.Errorf("%s: got %v, %v, want an error about the file", name, entries, err)
		}
	}
}

func TestTextsAreFound(t *testing.T) {
	for _, c := range []struct{ content, path, want string }{
		{`{"text":"hello"}`, "", "hello"},
		{`{"title":{"$str":"not this"},"notes":[{"body":"hello"}]}`, "", "hello"},
		{`{"a":"1","b":"2"}`, "b", "2"},
		{`{"a":"1","b":"2"}`, "", "error: the document has 2 texts: say which one is meant, by --field PATH (a, b)"},
		{`{"notes":[{"body":"hello"},{"body":"there"}]}`, "notes/1/body", "there"},
		{`{"title":{"$str":"named"}}`, "title", "named"},
		{`{"$map":{"$x":"dollar"}}`, "", "dollar"},
		{`{"$map":{"$x":"dollar"}}`, "$x", "dollar"},
		{`{"n":1}`, "", "error: no text in the document"},
		{`{"n":1}`, "n", "error: no text at n"},
		{`{"n":1}`, "n/deeper", "error: no text at n/deeper"},
		{`{"l":[]}`, "l/0", "error: no text at l/0: the list has no 0"},
		{`{"d":{"$date":"2026-01-01T00:00:00.000Z"}}`, "", "error: no text in the document"},
	} {
		got, err := Text([]byte(c.content), c.path)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("text %q of %s: got %q, want %q", c.path, c.content, got, c.want)
		}
	}
}

func TestPeopleAreNamed(t *testing.T) {
	content := `{"people":{"a1":"{\"name\":\"Ada\",\"colour\":\"#fff\"}","b2":"Bob","c3":{"name":"Cy"},"d4":7,"e5":"{\"colour\":1}","not a name":"X"}}`
	got := People([]byte(content))
	want := map[clock.Actor]string{"a1": "Ada", "b2": "Bob", "c3": "Cy"}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for actor, name := range want {
		if got[actor] != name {
			t.Errorf("%s: got %q, want %q", actor, got[actor], name)
		}
	}
	for _, junk := range []string{"", "[]", `{"people":[]}`, `{"people":null}`} {
		if got := People([]byte(junk)); len(got) > 0 {
			t.Errorf("%s: got %v, want nobody", junk, got)
		}
	}
}

// TestEndOfTheParentEndsTheWork cancels a job that would go on for long.
func TestEndOfTheParentEndsTheWork(t *testing.T) {
	e := withPayload(op0, bomb(MaxOps-1))
	e.Actor, e.Seq = clock.Actor(strings.Repeat("0", 32)), 1
	h := (&history{}).with(e)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	_, err := Engine{}.Run(ctx, Job{Ops: h.upTo(1), Progress: func(int) { cancel(why) }})
	if !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}
