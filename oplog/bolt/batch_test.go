package bolt

import (
	"testing"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// Documents that grow at their ends, side by side, leave no half-empty pages
// behind.
func TestPagesAreWellFilled(t *testing.T) {
	l, _ := openFated(t, logPath(t), Options{CommitInterval: -1})
	epochs := map[oplog.DocID]oplog.Epoch{}
	for seq := uint64(1); seq <= 3000; seq += 10 {
		for _, doc := range []oplog.DocID{"a", "b", "c"} {
			epochs[doc] = mustAppend(t, l, doc, epochs[doc], oplogtest.Ops("x", seq, 10)...)
		}
	}
	err := l.db.View(func(tx *bbolt.Tx) error {
		s := tx.Bucket(bucketOps).Stats()
		if used := float64(s.LeafInuse) / float64(s.LeafAlloc); used < 0.65 {
			t.Errorf("%d pages of ops are filled to %.2f, want 0.65 at least", s.LeafPageN, used)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
