package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// meta is what a relay says of a snapshot.
type meta struct {
	Offset oplog.Offset `json:"offset"`
	Bytes  int64        `json:"bytes"`
	SHA256 string       `json:"sha256"`
	Format oplog.Format `json:"format"`
	At     int64        `json:"at"`
	By     string       `json:"by"`
	Maker  oplog.Maker  `json:"maker"`
	Clock  clock.Vector `json:"clock"`
}

func (m *meta) snapshot() (oplog.Snapshot, error) {
	s := oplog.Snapshot{Offset: m.Offset, Format: m.Format, Bytes: m.Bytes, At: m.At, By: m.By, Maker: m.Maker, Clock: m.Clock}
	sum, err := hex.DecodeString(m.SHA256)
	if err != nil || len(sum) != len(s.SHA256) || m.Bytes < 0 || m.Offset == 0 || m.Offset > clock.MaxSeq {
		return s, fmt.Errorf("the answer makes no sense: a snapshot at %d of %d bytes with SHA-256 %.80q", m.Offset, m.Bytes, m.SHA256)
	}
	copy(s.SHA256[:], sum)
	return s, nil
}

func snapshotPath(doc oplog.DocID, at oplog.Offset) string {
	return docPath(doc, "/snapshots/"+strconv.FormatUint(uint64(at), 10))
}

// Snapshot is [oplog.Log.Snapshot].
func (r *Relay) Snapshot(ctx context.Context, doc oplog.DocID, atOrBefore oplog.Offset) (oplog.Snapshot, error) {
	c := &call{right: "read", doc: doc, path: docPath(doc, "/snapshots/latest/meta")}
	if atOrBefore != 0 {
		c.path, c.query = snapshotPath(doc, atOrBefore)+"/meta", url.Values{"nearest": {"true"}}
	}
	s, err := r.meta(ctx, c)
	if err == nil && atOrBefore != 0 && s.Offset > atOrBefore {
		err = fmt.Errorf("the answer is about the one at %d, which is behind %d", s.Offset, atOrBefore)
	}
	if err != nil {
		return oplog.Snapshot{}, fmt.Errorf("find a snapshot of %q: %w", doc, err)
	}
	return s, nil
}

func (r *Relay) meta(ctx context.Context, c *call) (oplog.Snapshot, error) {
	var m meta
	if err := r.get(ctx, c, &m); err != nil {
		return oplog.Snapshot{}, err
	}
	return m.snapshot()
}

// chunkSize is how many bytes of a snapshot are fetched at a time.
const chunkSize = 1 << 20

// snapshotReader reads a snapshot, a chunk at a time.
type snapshotReader struct {
	// static
	ctx      context.Context
	relay    *Relay
	doc      oplog.DocID
	snapshot oplog.Snapshot

	mu sync.Mutex
	// guarded by mu
	chunk  int64 // whose bytes are in data, -1 for none
	data   []byte
	hash   hash.Hash
	hashed int64 // chunks that went into hash, from the first on
}

// SnapshotData is [oplog.Log.SnapshotData]. Reads end with ctx. Each answer must
// be about the bytes that the relay said to have at first; if they are read from
// the first to the last, the last read fails unless their SHA-256 is right.
func (r *Relay) SnapshotData(ctx context.Context, doc oplog.DocID, at oplog.Offset) (io.ReaderAt, error) {
	if at == 0 {
		return nil, fmt.Errorf("snapshot of %q at 0: %w", doc, oplog.ErrNotFound)
	}
	s, err := r.meta(ctx, &call{right: "read", doc: doc, path: snapshotPath(doc, at) + "/meta"})
	if err == nil && s.Offset != at {
		err = fmt.Errorf("the answer is about the one at %d", s.Offset)
	}
	if err == nil && s.Bytes == 0 && s.SHA256 != sha256.Sum256(nil) {
		err = errors.New("its SHA-256 is not that of no bytes")
	}
	if err != nil {
		return nil, fmt.Errorf("snapshot of %q at %d: %w", doc, at, err)
	}
	return &snapshotReader{ctx: ctx, relay: r, doc: doc, snapshot: s, chunk: -1, hash: sha256.New()}, nil
}

// ReadAt implements [io.ReaderAt].
func (s *snapshotReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read snapshot: offset %d is negative", off)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < len(p) && off < s.snapshot.Bytes {
		if err := s.load(off / chunkSize); err != nil {
			return n, fmt.Errorf("read snapshot of %q at %d: %w", s.doc, s.snapshot.Offset, err)
		}
		read := copy(p[n:], s.data[off%chunkSize:])
		n += read
		off += int64(read)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// load fetches a chunk unless it is there.
func (s *snapshotReader) load(chunk int64) error {
	if chunk == s.chunk {
		return nil
	}
	s.chunk = -1
	p := pauses{patience: s.relay.patience}
	for {
		cut, err := s.fetch(chunk)
		if err == nil {
			break
		}
		if !cut || !p.wait(s.ctx, 0) {
			return err
		}
	}
	if chunk == s.hashed {
		s.hash.Write(s.data)
		s.hashed++
		if s.hashed*chunkSize >= s.snapshot.Bytes && [32]byte(s.hash.Sum(nil)) != s.snapshot.SHA256 {
			return fmt.Errorf("the %d bytes that came have another SHA-256 than those that were stored", s.snapshot.Bytes)
		}
	}
	s.chunk = chunk
	return nil
}

func (s *snapshotReader) fetch(chunk int64) (cut bool, err error) {
	from := chunk * chunkSize
	size := min(chunkSize, s.snapshot.Bytes-from)
	resp, err := s.relay.do(s.ctx, &call{
		right: "read", doc: s.doc, path: snapshotPath(s.doc, s.snapshot.Offset),
		header: map[string]string{
			"Range":    fmt.Sprintf("bytes=%d-%d", from, from+size-1),
			"If-Match": `"` + hex.EncodeToString(s.snapshot.SHA256[:]) + `"`,
		},
	})
	if f, ok := errors.AsType[*refusal](err); ok && f.status == http.StatusPreconditionFailed {
		return false, fmt.Errorf("%w: there is another now", oplog.ErrNotFound)
	}
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	want := fmt.Sprintf("bytes %d-%d/%d", from, from+size-1, s.snapshot.Bytes)
	if got := resp.Header.Get("Content-Range"); got != want || resp.StatusCode != http.StatusPartialContent {
		return false, fmt.Errorf("the relay answered %s with %q, want %q", resp.Status, got, want)
	}
	s.data = append(s.data[:0], make([]byte, size)...)
	if _, err := io.ReadFull(resp.Body, s.data); err != nil {
		return true, errors.Join(s.ctx.Err(), err)
	}
	return false, nil
}

// DeleteSnapshot is [oplog.Log.DeleteSnapshot].
func (r *Relay) DeleteSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset) error {
	c := &call{
		right: "admin", doc: doc, method: http.MethodDelete, path: snapshotPath(doc, at),
		conflict: oplog.ErrNeeded, once: true,
	}
	if err := r.get(ctx, c, nil); err != nil {
		return fmt.Errorf("delete snapshot of %q at %d: %w", doc, at, err)
	}
	return nil
}
