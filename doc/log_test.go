package doc

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// openLog opens a new log, which is checked when the test ends.
func openLog(t testing.TB) *bolt.Log {
	t.Helper()
	path := filepath.Join(t.TempDir(), "oplog.db")
	log, err := bolt.Open(path, bolt.Options{CommitInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if err := bolt.CheckFile(t.Context(), path, func(e *oplog.CorruptionError) { t.Error(e) }); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return log
}

// put appends a history as a document, an op a second.
func (h *history) put(t testing.TB, log oplog.Log, doc oplog.DocID, format oplog.Format) {
	t.Helper()
	var epoch oplog.Epoch
	for from := 0; from < len(h.ops); from += 1000 {
		entries := append([]oplog.Entry(nil), h.ops[from:min(from+1000, len(h.ops))]...)
		for i := range entries {
			entries[i].Offset = 0
			entries[i].At = start.Add(time.Duration(from+i) * time.Second).UnixMilli()
		}
		var err error
		if epoch, err = log.Append(t.Context(), oplog.Append{Doc: doc, Epoch: epoch, Format: format, Entries: entries}); err != nil {
			t.Fatal(err)
		}
	}
}

// start is when the first op of a history came.
var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
