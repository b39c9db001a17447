package bolt

import (
	"errors"
	"fmt"

	"github.com/baton-relay/baton/oplog"
)

// errReadOnly is what the writing methods of a log say that is only looked at.
var errReadOnly = fmt.Errorf("%w: it was opened for reading only", oplog.ErrUnavailable)

// OpenReadOnly opens the log in the file at path to look at it. Several
// processes may do so at once; one that a relay holds is [oplog.ErrInUse], and
// while it is looked at no relay can open it. Nothing in the file changes: a backup
// stays one, with the epochs of the log it came from, and what is left to remove
// stays. All methods that write return [oplog.ErrUnavailable], and so does Health.
// There is nothing to be made here: without a file it is [fs.ErrNotExist], and an
// empty one is [ErrEmpty].
//
// What a process that was killed wrote last may be lost if the power fails before
// the log is opened with [Open], which syncs it.
func OpenReadOnly(path string, o Options) (*Log, error) {
	o = o.withDefaults()
	db, err := openFile(path, readable())
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := newLog(path, o, db)
	if err = checkSound(path, o.Logger); err == nil {
		err = l.viewFile(checkVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", errors.Join(err, db.Close()))
	}
	return l, nil
}
