package doc

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// LaterError says that data was written by a later version of Automerge than the
// one of this program, and is not damaged.
type LaterError struct {
	Chunk byte // the type of the chunk that is not known here
}

func (e *LaterError) Error() string {
	return fmt.Sprintf("it was made by a later Automerge: it has a chunk of type %d, and this program's knows those up to %d", e.Chunk, deflatedChange)
}

// laterAutomerge looks for a whole chunk of a type that is not known here. It
// returns a *[LaterError], or nil. A chunk that is damaged says nothing.
func laterAutomerge(data []byte) error {
	for len(data) >= 9 && bytes.HasPrefix(data, magic) {
		chunk := reader{rest: data[8:], kind: Damaged}
		kind := chunk.byte()
		chunk.take(chunk.uleb())
		if chunk.err != nil {
			return nil
		}
		if kind > deflatedChange {
			if sum := sha256.Sum256(data[8 : len(data)-len(chunk.rest)]); bytes.Equal(sum[:4], data[4:8]) {
				return &LaterError{kind}
			}
			return nil
		}
		data = chunk.rest
	}
	return nil
}
