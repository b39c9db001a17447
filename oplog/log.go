package oplog

import (
	"context"
	"io"

	"github.com/baton-relay/baton/clock"
)

// Log keeps the entries and snapshots of many documents. Its methods may be
// called from many goroutines at once.
//
// Once a method that writes has returned without an error, what it wrote is
// durable: it survives the process, the system and the power. No method shows
// anything that is not durable yet. A method that writes tries nothing if its
// context has ended. One that ends later stops the waiting, not what is already on
// its way to the disk: that may show up later, yet before any write that was
// asked for after it.
type Log interface {
	// Append adds entries to one document in their order, all or none, and sets
	// their Offset and At. It creates a document when a.Epoch is empty. The log
	// owns a.Entries until it returns, and keeps none of it after.
	//
	// Errors: [ErrEpoch], [ErrFormat], [ErrOrder], [ErrUnavailable].
	Append(ctx context.Context, a Append) (Epoch, error)

	// State returns what is known of a document; the caller owns it. A
	// document that does not exist is [ErrNotFound].
	State(ctx context.Context, doc DocID) (State, error)

	// Read calls visit with the entries behind the offset after, in order, until
	// it returns false or there are no more. Entry and contents are valid only
	// until visit returns, which must be soon: a read holds resources of the
	// log. The returned Span was true at one moment, that of the read.
	//
	// Errors: [ErrNotFound], [ErrEpoch] (unless epoch is empty),
	// [ErrPruned] (with a valid Span), *[CorruptionError].
	Read(ctx context.Context, doc DocID, epoch Epoch, after Offset, visit func(*Entry) bool) (Span, error)

	// Locate returns the highest offset it can name such that c covers every
	// entry at or before it, without reading the document from its start. Entries
	// behind it may be covered too, at most a bounded number in a row.
	Locate(ctx context.Context, doc DocID, c clock.Vector) (Offset, error)

	// Lookup calls visit with those of the named ops that are held, in the
	// order of their offsets, until it returns false. Entries are lent as in Read.
	Lookup(ctx context.Context, doc DocID, dots []clock.Dot, visit func(*Entry) bool) error

	// Docs returns up to limit documents in the order of their names, from the
	// first one behind after.
	Docs(ctx context.Context, after DocID, limit int) ([]DocID, error)

	// PutSnapshot stores the bytes of r as the document's state at the offset
	// of an existing entry, and deletes nothing. The same bytes again are no
	// error and change nothing, not even By and Maker (stored is false).
	//
	// Errors: [ErrNotFound] (no such document or entry), [ErrPruned], [ErrFormat],
	// [ErrExists], [ErrTooLarge], [ErrUnavailable], and those of r.
	PutSnapshot(ctx context.Context, doc DocID, at Offset, info SnapshotInfo, r io.Reader) (s Snapshot, stored bool, err error)

	// Snapshot returns the newest snapshot at or before the given offset; 0
	// means the newest of all. None is [ErrNotFound].
	Snapshot(ctx context.Context, doc DocID, atOrBefore Offset) (Snapshot, error)

	// SnapshotData reads the bytes of the snapshot at exactly this offset. A
	// reader may be slow: between two calls nothing of the log is held. If the
	// snapshot is deleted meanwhile, reads end in [ErrNotFound].
	SnapshotData(ctx context.Context, doc DocID, at Offset) (io.ReaderAt, error)

	// DeleteSnapshot removes the snapshot at exactly this offset. The last one
	// that stands in for pruned ops is [ErrNeeded].
	DeleteSnapshot(ctx context.Context, doc DocID, at Offset) error

	// Prune lets go of the entries before the given offset, which must be at
	// most one behind a stored snapshot, else [ErrNeeded]. The clock stays as it is. It
	// returns the oldest offset still held.
	Prune(ctx context.Context, doc DocID, before Offset) (first Offset, err error)

	// Delete removes a document with its snapshots. One that is created under
	// its name later has another epoch.
	Delete(ctx context.Context, doc DocID) error

	// Backup writes a copy of the log as it is at one moment, in the form that
	// the log opens. Documents of a copy have new epochs once it is opened.
	Backup(ctx context.Context, w io.Writer) error

	// Health returns nil, or why nothing can be appended.
	Health() error

	// Close waits for the writes under way and releases the log.
	Close() error
}

// Append is what one call of [Log.Append] adds.
type Append struct {
	Doc DocID
	// Epoch is the log these entries continue; empty for a document that the
	// caller knows not to exist.
	Epoch Epoch
	// Format is what a document that this append creates is made of; empty
	// means [DefaultFormat]. For one that exists it must be empty or equal.
	Format Format
	// Entries are the entries to add, with Offset 0.
	Entries []Entry
}

// Span is which entries of a document are held.
type Span struct {
	Epoch Epoch
	// First is the oldest offset held, or the one that the next entry will be
	// at or behind if none is held.
	First Offset
	// Head is the newest offset, held or pruned. 0 before the first entry.
	Head Offset
}

// State is what a log knows of a document.
type State struct {
	Span
	Format Format
	// At is the time of the newest entry in Unix milliseconds.
	At    int64
	Heads Heads
	// Bytes is the content (see [Op.Bytes]) of all entries that are held, exactly:
	// of those from First to Head. Snapshots do not count.
	Bytes int64
}

// SnapshotInfo is what the caller of [Log.PutSnapshot] says of a snapshot.
type SnapshotInfo struct {
	// Format must be that of the document. Empty means the document's.
	Format Format
	// By is the subject who stores it, empty if nobody was asked.
	By string
	// Maker is the program that made it, empty where that is not known.
	Maker Maker
}

// Snapshot describes a stored blob: the state of a document that holds exactly
// the ops at or before Offset.
type Snapshot struct {
	Offset Offset
	Format Format
	Bytes  int64
	SHA256 [32]byte
	// At is when it was stored, in Unix milliseconds.
	At int64
	// Clock is what the ops at or before Offset add up to, computed from the log.
	Clock clock.Vector
	// By is the subject who stored it, and Maker the program that made it: what the
	// caller of PutSnapshot said. They are empty where that is not known.
	By    string
	Maker Maker
}
