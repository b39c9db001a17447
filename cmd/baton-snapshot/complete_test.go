package main

import (
	"slices"
	"testing"
)

func TestLinesAreSplitAsAShellDoes(t *testing.T) {
	for line, want := range map[string][]string{
		``:                          {""},
		`baton-snapshot`:            {"baton-snapshot"},
		`baton-snapshot  `:          {"baton-snapshot", ""},
		"  a\tb\nc":                 {"a", "b", "c"},
		`a "b c`:                    {"a", "b c"},
		`a 'b "c' d`:                {"a", `b "c`, "d"},
		`a b\ c "d\"e" 'f\g'`:       {"a", "b c", `d"e`, `f\g`},
		`show --log=/ö/"x y".db bo`: {"show", "--log=/ö/x y.db", "bo"},
		`a \`:                       {"a", ""},
	} {
		if got := splitLine(line); !slices.Equal(got, want) {
			t.Errorf("splitLine(%q) = %q, want %q", line, got, want)
		}
	}
}
