package bolt_test

import (
	"path/filepath"
	"testing"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

func TestContract(t *testing.T) {
	for _, test := range []struct {
		name string
		o    bolt.Options
	}{
		{"Default", bolt.Options{}},
		{"NoInterval", bolt.Options{CommitInterval: -1}},
		{"NoCache", bolt.Options{CommitInterval: -1, CacheBytes: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			oplogtest.Run(t, func(t *testing.T) oplog.Log {
				return open(t, filepath.Join(t.TempDir(), "log.db"), test.o)
			})
		})
	}
}
