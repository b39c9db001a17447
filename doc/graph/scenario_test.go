package graph_test

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc/graph"
	"github.com/baton-relay/baton/oplog"
)

// parseScenario reads entries as text, a line each:
//
//	alice 1-46 {bob:12} 14:02      ops 1 to 46 of alice, a second between them; the first names bob's 12
//	bob 3 {alice:46}               a second after the line before
//
// A line "# …" is a comment, and "at 81" gives the next entry its offset.
func parseScenario(text string) ([]oplog.Entry, error) {
	var entries []oplog.Entry
	now := time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC)
	offset := oplog.Offset(1)
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if f[0] == "at" {
			n, err := strconv.ParseUint(f[1], 10, 53)
			if err != nil {
				return nil, err
			}
			offset = oplog.Offset(n)
			continue
		}
		if len(f) < 3 {
			return nil, fmt.Errorf("line %q is not actor, seq, clock", line)
		}
		first, last, isRange := strings.Cut(f[1], "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 53)
		until, err2 := strconv.ParseUint(last, 10, 53)
		c, err3 := parseClock(f[2])
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("line %q: %v, %v, %v", line, err1, err2, err3)
		}
		if len(f) > 3 {
			t, err := time.Parse("15:04", f[3])
			if err != nil {
				return nil, err
			}
			now = time.Date(2026, 3, now.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
			if len(entries) > 0 && now.UnixMilli() < entries[len(entries)-1].At {
				now = now.AddDate(0, 0, 1)
			}
		}
		for seq := from; seq <= until; seq++ {
			e := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: clock.Actor(f[0]), Seq: seq}, Clock: c}, Offset: offset, At: now.UnixMilli()}
			entries = append(entries, e)
			c = clock.Vector{}
			offset++
			now = now.Add(time.Second)
		}
	}
	return entries, lines.Err()
}

// parseClock reads {alice:1,bob:2}.
func parseClock(s string) (clock.Vector, error) {
	var v clock.Vector
	s, ok1 := strings.CutPrefix(s, "{")
	s, ok2 := strings.CutSuffix(s, "}")
	if !ok1 || !ok2 {
		return v, fmt.Errorf("clock %q is not of the form {actor:seq,…}", s)
	}
	for dot := range strings.SplitSeq(s, ",") {
		if dot == "" {
			continue
		}
		a, seq, _ := strings.Cut(dot, ":")
		n, err := strconv.ParseUint(seq, 10, 53)
		if err != nil {
			return v, err
		}
		v.Raise(clock.Actor(a), n)
	}
	return v, nil
}

func readScenario(t *testing.T, file string) *graph.Graph {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := parseScenario(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return build(t, entries)
}

type failer interface {
	Helper()
	Fatal(...any)
}

func build(t failer, entries []oplog.Entry) *graph.Graph {
	t.Helper()
	g := new(graph.Graph)
	for i := range entries {
		if err := g.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	return g
}
