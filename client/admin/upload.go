package admin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/baton-relay/baton/oplog"
)

// upload is the bytes of a snapshot as they are sent. The transport reads them,
// until it closes the upload: only then they are the caller's again.
type upload struct {
	r      io.Reader
	closed chan struct{}
	once   sync.Once

	// owned by the transport until closed
	hash  hash.Hash
	bytes int64
	begun bool  // something was read
	ended bool  // r was read to its end
	err   error // of r
}

func (u *upload) Read(p []byte) (int, error) {
	u.begun = true
	n, err := u.r.Read(p)
	u.hash.Write(p[:n])
	u.bytes += int64(n)
	if errors.Is(err, io.EOF) {
		u.ended = true
	} else if err != nil {
		u.err = err
	}
	return n, err
}

// Close implements [io.Closer]; the transport may call it more than once.
func (u *upload) Close() error {
	u.once.Do(func() { close(u.closed) })
	return nil
}

// PutSnapshot is [oplog.Log.PutSnapshot]. The bytes are read once: if they are
// cut on the way, that is an error, and asking again with them is safe. By counts with
// the right admin; without it, or with By empty, the snapshot is its sender's.
func (r *Relay) PutSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset, info oplog.SnapshotInfo, from io.Reader) (s oplog.Snapshot, stored bool, err error) {
	if err = ctx.Err(); err == nil {
		s, stored, err = r.putSnapshot(ctx, doc, at, info, from)
	}
	if err != nil {
		return oplog.Snapshot{}, false, fmt.Errorf("put snapshot of %q at %d: %w", doc, at, err)
	}
	return s, stored, nil
}

func (r *Relay) putSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset, info oplog.SnapshotInfo, from io.Reader) (s oplog.Snapshot, stored bool, err error) {
	if at == 0 {
		return s, false, fmt.Errorf("%w: no such entry", oplog.ErrNotFound)
	}
	c := &call{
		right: "compact", doc: doc, method: http.MethodPut, path: snapshotPath(doc, at),
		// What the relay refuses without looking at the bytes costs none of them.
		header:   map[string]string{"Content-Type": "application/octet-stream", "Expect": "100-continue"},
		conflict: oplog.ErrExists,
	}
	if info.Format != "" {
		c.header["Baton-Format"] = string(info.Format)
	}
	if info.Maker != "" {
		c.header["Baton-Maker"] = string(info.Maker)
	}
	if info.By != "" {
		c.query = url.Values{"by": {info.By}}
	}
	p := pauses{patience: r.patience}
	for {
		u := &upload{r: from, closed: make(chan struct{}), hash: sha256.New()}
		c.stream = u
		s, stored, err = r.sendSnapshot(ctx, c)
		<-u.closed
		f, refused := errors.AsType[*refusal](err)
		switch {
		case u.err != nil:
			return s, false, u.err
		case err == nil && (!u.ended || s.Bytes != u.bytes || s.SHA256 != [32]byte(u.hash.Sum(nil))):
			return s, false, errors.New("the relay says that it stored other bytes than were sent")
		case err == nil, u.begun, !refused, !f.passes(), !p.wait(ctx, f.after):
			return s, stored, err
		}
	}
}

// sendSnapshot sends the bytes once.
func (r *Relay) sendSnapshot(ctx context.Context, c *call) (s oplog.Snapshot, stored bool, err error) {
	resp, err := r.try(ctx, c)
	if err != nil {
		return s, false, err
	}
	defer resp.Body.Close()
	var m meta
	if err := readAnswer(resp.Body, &m); err != nil {
		return s, false, err
	}
	s, err = m.snapshot()
	return s, resp.StatusCode == http.StatusCreated, err
}
