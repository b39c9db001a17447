package main

import (
	"context"
	"sync"

	"github.com/baton-relay/baton/oplog"
)

// inOrder works on documents, some at once, and hands over what came of each in
// their order. The first error of take ends it, and the work under way.
func inOrder[R any](ctx context.Context, atOnce int, docs []oplog.DocID, work func(context.Context, oplog.DocID) R, take func(R) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	// The results that are not taken yet, in order. With the one that is waited
	// for, as many as are worked on at once.
	results := make(chan chan R, max(atOnce, 1)-1)
	working.Go(func() {
		defer close(results)
		for _, id := range docs {
			result := make(chan R, 1)
			select {
			case results <- result:
			case <-ctx.Done():
				return
			}
			working.Go(func() { result <- work(ctx, id) })
		}
	})
	for result := range results {
		if err := take(<-result); err != nil {
			return err
		}
	}
	return ctx.Err()
}
