package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/oplog"
)

func TestWorkIsHandedOverInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var docs []oplog.DocID
		for i := range 20 {
			docs = append(docs, oplog.DocID(fmt.Sprintf("doc-%02d", i)))
		}
		var now, most atomic.Int32
		work := func(ctx context.Context, id oplog.DocID) oplog.DocID {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			if id == docs[0] {
				time.Sleep(time.Minute) // the first is the slowest
			}
			time.Sleep(time.Second)
			return id
		}
		var got []oplog.DocID
		began := time.Now()
		err := inOrder(t.Context(), 4, docs, work, func(id oplog.DocID) error {
			got = append(got, id)
			return nil
		})
		if err != nil || !slices.Equal(got, docs) {
			t.Errorf("got %v, %v, want %v", got, err, docs)
		}
		if most.Load() != 4 {
			t.Errorf("%d were worked on at once, want 4", most.Load())
		}
		if took := time.Since(began); took > 66*time.Second {
			t.Errorf("it took %v, want about a minute", took)
		}

		enough := errors.New("enough")
		got = nil
		err = inOrder(t.Context(), 4, docs, work, func(id oplog.DocID) error {
			got = append(got, id)
			return enough
		})
		if !errors.Is(err, enough) || len(got) != 1 || now.Load() != 0 {
			t.Errorf("one that ends it: got %v, %v, %d under way", got, err, now.Load())
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := inOrder(ctx, 4, docs, work, func(oplog.DocID) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: got %v", err)
		}
	})
}
