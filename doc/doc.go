// Package doc makes one document out of the ops of its log: its content now or
// at any moment of the past, as a snapshot or as JSON.
//
// To a log a payload is opaque; here alone it is opened. Automerge changes are
// applied by automerge-go, which is C: it ends the whole process on some inputs
// and runs for ever on others. So everything is first read and verified in Go
// (see [ReadChange]), and what is left is applied in a child process that has
// limits (see [Engine]). A program that uses an Engine calls [Child] first thing
// in main.
//
// What the package promises:
//
//   - Nothing that somebody wrote into a log ends, stalls or exhausts the process
//     that reads it. An op that cannot be applied is named (see [OpError]).
//   - No op is left out in silence: a state holds all the ops that it was to hold,
//     or it is an error, or says which are not in it.
//   - A snapshot was loaded again, by another process, and had the same heads.
//
// Without cgo, or on a system that automerge-go was not built for, everything
// works but the Engine, which says [ErrUnavailable].
package doc

import (
	"errors"

	"github.com/baton-relay/baton/oplog"
)

// The formats whose payloads are known here.
const (
	Automerge oplog.Format = "automerge"
	Yjs       oplog.Format = "yjs"
	JSON      oplog.Format = "json"
)

// ErrUnavailable says that this program was built without Automerge.
var ErrUnavailable = errors.New("this program was built without Automerge; one built with cgo, on Linux or macOS (amd64 or arm64), has it")
