package auth

import (
	"context"
	"slices"
	"testing"
	"time"
)

// The longest pattern that fits counts, alone.
func TestPatterns(t *testing.T) {
	p := Patterns{"*": Read, "notes-*": Read | Write, "notes-secret-*": 0, "notes-1": Admin, "pad": Presence, "a*": Write}
	tests := []struct {
		doc  string
		want Rights
	}{
		{"other", Read},
		{"notes-2", Read | Write},
		{"notes-", Read | Write},
		{"notes", Read},
		{"notes-1", Admin},
		{"notes-12", Read | Write},
		{"notes-secret-7", 0},
		{"notes-secret-", 0},
		{"notes-secret", Read | Write},
		{"pad", Presence},
		{"pad2", Read},
		{"a", Write},
		{"A", Read},
		{"*", Read},
		{"", Read},
	}
	for _, tt := range tests {
		if got := (&Identity{Docs: p}).Rights(tt.doc); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.doc, got, tt.want)
		}
	}
	for _, doc := range []string{"d", "", "*"} {
		if got := (&Identity{}).Rights(doc); got != 0 {
			t.Errorf("%q without patterns: got %v, want none", doc, got)
		}
	}
	if got := (&Identity{Docs: Patterns{"d": All}}).Rights("e"); got != 0 {
		t.Errorf("got %v in a document that nothing names, want none", got)
	}
}

func TestRightsByName(t *testing.T) {
	if got, want := All.Names(), []string{"read", "write", "presence", "compact", "admin"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Rights(0).Names(); got == nil || len(got) > 0 {
		t.Errorf("got %v, want an empty list that is not nil", got)
	}
	if r := Read | Compact; r.String() != "read+compact" || !r.Has(Read) || r.Has(Read|Write) || !r.Has(0) {
		t.Errorf("got %v", r)
	}
}

func TestExpired(t *testing.T) {
	now := time.Now()
	for ends, want := range map[time.Time]bool{{}: false, now: true, now.Add(1): false, now.Add(-1): true} {
		if got := (&Identity{Expires: ends}).Expired(now); got != want {
			t.Errorf("one that ends at %v is expired at %v: got %v, want %v", ends, now, got, want)
		}
	}
}

func TestEveryone(t *testing.T) {
	for _, token := range []string{"", "anything"} {
		id, err := Everyone{}.Authorize(context.Background(), token)
		if err != nil || id.Subject != "" || id.Rights("d") != All || id.Expired(time.Now()) {
			t.Errorf("token %q: got %+v, %v", token, id, err)
		}
	}
}
