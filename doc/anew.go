package doc

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/oplog"
)

// anewBytes is how much goes into one change of a document that is made anew, where
// an op may be larger: enough that there are few, little enough that each is fast.
const anewBytes = 64 << 10

// Left is what a document that is made anew leaves behind.
type Left struct {
	// Changes and Actors count the history.
	Changes int `json:"changes"`
	Actors  int `json:"actors"`
	// Marks says that a change formats text, and Blocks that a text has something
	// in it which is no character.
	Marks  bool `json:"marks,omitempty"`
	Blocks bool `json:"blocks,omitempty"`
}

// Anew returns an Automerge file as the ops of a new document with the same
// content. One new actor makes it, in ops of at most opBytes; only a single value
// that is larger by itself makes a larger op. The same file gives the same ops.
// Left behind are the history, values that others wrote at the same time as the
// one that everybody sees, and what [Left] says of texts. A file that cannot be
// loaded is a *[BaseError].
func (e Engine) Anew(ctx context.Context, file []byte, opBytes int, now int64) ([]oplog.Entry, *Left, error) {
	was, err := e.load(ctx, file, Want{Typed: true})
	if err != nil {
		return nil, nil, err
	}
	made, err := e.load(ctx, file, Want{Changes: true, Anew: max(min(opBytes/4, anewBytes), 256)})
	if err != nil {
		return nil, nil, err
	}
	if len(made.Changes) == 0 {
		return nil, nil, errors.New("its document is empty")
	}
	entries, err := entriesOf(made.Changes, now)
	if err != nil {
		return nil, nil, err
	}
	is, err := e.Run(ctx, Job{Want: Want{Typed: true}, Ops: func(visit func(*oplog.Entry) bool) error {
		for i := range entries {
			entry := entries[i]
			if entry.Offset = oplog.Offset(i + 1); !visit(&entry) {
				break
			}
		}
		return nil
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("prove the document that was made anew: %w", err)
	}
	if !bytes.Equal(was.JSON, is.JSON) {
		return nil, nil, errors.New("the document that was made anew has other content than the file")
	}
	return entries, &made.Left, nil
}
