package oplog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/baton-relay/baton/oplog"
)

func TestParseDocID(t *testing.T) {
	longest := strings.Repeat("d", oplog.MaxDocIDLen)
	for s, want := range map[string]bool{
		"d": true, "0": true, "A.b_c~d:e-f": true, "constructor": true, longest: true,
		"": false, ".": false, "~d": false, "-d": false, "a b": false, "a/b": false, "ä": false, "a\x00": false, longest + "d": false,
	} {
		if id, err := oplog.ParseDocID(s); (err == nil) != want || want && string(id) != s {
			t.Errorf("ParseDocID(%q) = %q, %v", s, id, err)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for s, want := range map[string]bool{
		"json": true, "automerge": true, "yjs": true, "x-1.2_3": true, "0": true, strings.Repeat("f", 32): true,
		"": false, "JSON": false, "-x": false, ".x": false, "a b": false, strings.Repeat("f", 33): false,
	} {
		if f, err := oplog.ParseFormat(s); (err == nil) != want || want && string(f) != s {
			t.Errorf("ParseFormat(%q) = %q, %v", s, f, err)
		}
	}
}

func TestParseMaker(t *testing.T) {
	for s, want := range map[string]bool{
		"automerge 3.5.0": true, "yjs 13.6": true, "x": true, "~!@ a": true, strings.Repeat("m", 64): true,
		"": false, " x": false, "x ": false, "x\ny": false, "automerge\t3": false, "é": false, "\x7f": false, strings.Repeat("m", 65): false,
	} {
		if m, err := oplog.ParseMaker(s); (err == nil) != want || want && string(m) != s {
			t.Errorf("ParseMaker(%q) = %q, %v", s, m, err)
		}
	}
}

func TestCorruptionError(t *testing.T) {
	err := &oplog.CorruptionError{Place: "baton.db, document \"d\", entry 7", Err: oplog.ErrChecksum}
	if !errors.Is(err, oplog.ErrChecksum) || !strings.Contains(err.Error(), err.Place) {
		t.Errorf("error says %q", err)
	}
}
