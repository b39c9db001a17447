package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

const latest = "latest"

// snapshot returns the snapshot that the address names, or the nearest one before
// if that will do. Errors are answers.
func (s *Server) snapshot(c *call, nearest bool) (*oplog.Snapshot, error) {
	var at oplog.Offset // 0: the newest
	var err error
	name := c.r.PathValue("offset")
	if name != latest {
		if at, err = parseOffset("a snapshot's offset", name); err != nil {
			return nil, err
		}
	}
	blob, err := s.log.Snapshot(c.r.Context(), c.doc, at)
	if err == nil && at != 0 && blob.Offset != at && !nearest {
		err = oplog.ErrNotFound
	}
	// Asked after: epochs never come back, so the snapshot is of this one.
	if err := s.epoch(c); err != nil && !errors.Is(err, oplog.ErrNotFound) {
		return nil, err
	}
	if errors.Is(err, oplog.ErrNotFound) {
		err = notFound("document %s has no snapshot %s", c.doc, name)
	}
	return &blob, err
}

// getSnapshot answers with the bytes of a snapshot, or a part of them.
func (s *Server) getSnapshot(c *call) error {
	blob, err := s.snapshot(c, false)
	if err != nil {
		return err
	}
	data, err := s.log.SnapshotData(c.r.Context(), c.doc, blob.Offset)
	if err != nil {
		return err
	}
	sum := hex.EncodeToString(blob.SHA256[:])
	h := c.w.Header()
	h.Set("Content-Type", typeOctets)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%d.%s"`, c.doc, blob.Offset, blob.Format))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", caching(c))
	h.Add("Vary", "Authorization, Baton-Token")
	h.Set("ETag", `"`+sum+`"`)
	h.Set("Baton-Format", string(blob.Format))
	h.Set("Baton-Sha256", sum)
	h.Set("Baton-Offset", strconv.FormatUint(uint64(blob.Offset), 10))
	http.ServeContent(c.w, c.r, "", time.Time{}, io.NewSectionReader(data, 0, blob.Bytes))
	return nil
}

// caching says how long an address stands for the same blob: within an epoch for
// good. Without one it has to be asked for again, which the ETag makes cheap:
// the document may be another by then.
func caching(c *call) string {
	switch {
	case c.r.PathValue("offset") == latest:
		return "no-store"
	case c.query.Get("epoch") == "":
		return "private, no-cache"
	}
	return "private, max-age=31536000, immutable"
}

// snapshotMeta is what a blob is.
type snapshotMeta struct {
	*wire.Snapshot
	At    int64        `json:"at"`
	By    string       `json:"by,omitempty"`
	Maker oplog.Maker  `json:"maker,omitempty"`
	Clock clock.Vector `json:"clock"`
}

func (s *Server) getSnapshotMeta(c *call) error {
	blob, err := s.snapshot(c, c.query.Get("nearest") == "true")
	if err != nil {
		return err
	}
	answer(c.w, http.StatusOK, metaOf(c, blob))
	return nil
}

func metaOf(c *call, blob *oplog.Snapshot) *snapshotMeta {
	return &snapshotMeta{snapshotFrame(c.doc, blob), blob.At, blob.By, blob.Maker, blob.Clock}
}

// putSnapshot stores the body.
func (s *Server) putSnapshot(c *call) error {
	at, err := parseOffset("a snapshot's offset", c.r.PathValue("offset"))
	if err != nil {
		return err
	}
	if err := c.isOf(typeOctets); err != nil {
		return err
	}
	info, err := infoOf(c)
	if err != nil {
		return err
	}
	up := &upload{requestBody: requestBody{Reader: c.r.Body, w: c.w}, hash: sha256.New()}
	up.begin = func() error { return s.epoch(c) }
	if want := c.r.Header.Get("Baton-Sha256"); want != "" {
		if up.want, err = hex.DecodeString(want); err != nil || len(up.want) != sha256.Size {
			return invalid("Baton-Sha256 must be 64 hexadecimal digits")
		}
	}
	if err := take(s.calls.uploads, "snapshots on their way in"); err != nil {
		return err
	}
	defer func() { <-s.calls.uploads }()
	blob, stored, err := s.log.PutSnapshot(c.r.Context(), c.doc, at, info, up)
	if err != nil {
		return up.explain(c, at, err)
	}
	status := http.StatusOK
	if stored {
		status = http.StatusCreated
		s.notifyStored(c, &blob)
		s.snapshotsChanged(c.doc)
		c.w.Header().Set("Location", snapshotURL(c.doc, at))
	}
	answer(c.w, status, metaOf(c, &blob))
	return nil
}

// infoOf returns what the request says of its snapshot. The caller stores it, unless
// a caller with the right admin names another: a restore does, as for ops.
func infoOf(c *call) (info oplog.SnapshotInfo, err error) {
	info.By = c.id.Subject
	if info.Format, err = parseFormat(c.r.Header.Get("Baton-Format")); err != nil {
		return info, err
	}
	if maker := c.r.Header.Get("Baton-Maker"); maker != "" {
		if info.Maker, err = oplog.ParseMaker(maker); err != nil {
			return info, invalid("Baton-Maker: %v", err)
		}
	}
	if by := c.query.Get("by"); by != "" && c.rights.Has(auth.Admin) {
		if len(by) > wire.MaxBy || !utf8.ValidString(by) {
			return info, invalid("by must be UTF-8 of at most %d bytes", wire.MaxBy)
		}
		info.By = by
	}
	return info, nil
}

// upload is a snapshot as it comes in. It turns out wrong, and is not stored,
// where it is not what the client announced.
type upload struct {
	requestBody
	// begin is asked at the first read. By then the log has decided which document
	// this is for.
	begin func() error
	hash  hash.Hash
	want  []byte // the hash announced, nil if none was
	wrong error
}

// Read implements [io.Reader].
func (u *upload) Read(p []byte) (int, error) {
	if u.begin != nil {
		u.wrong = u.begin()
		u.begin = nil
	}
	if u.wrong != nil {
		return 0, u.wrong
	}
	n, err := u.requestBody.Read(p)
	u.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && u.want != nil && string(u.hash.Sum(nil)) != string(u.want) {
		u.wrong = invalid("the bytes that came have another SHA-256 than Baton-Sha256 says; nothing was stored")
		return n, u.wrong
	}
	return n, err
}

// explain returns the answer to an upload that failed.
func (u *upload) explain(c *call, at oplog.Offset, err error) error {
	conflict := func(code wire.Code, format string, args ...any) error {
		return &refusal{http.StatusConflict, code, fmt.Sprintf(format, args...)}
	}
	switch {
	case u.wrong != nil:
		return u.wrong
	case u.err != nil:
		return u.refusal()
	case errors.Is(err, oplog.ErrNotFound):
		return notFound("document %s has no op at offset %d", c.doc, at)
	case errors.Is(err, oplog.ErrExists):
		return conflict(wire.Conflict, "another snapshot is stored at %d", at)
	case errors.Is(err, oplog.ErrFormat):
		return conflict(wire.Format, "%v", err)
	case errors.Is(err, oplog.ErrTooLarge):
		return &refusal{http.StatusRequestEntityTooLarge, wire.TooLarge, err.Error()}
	}
	return err
}

// deleteSnapshot removes a blob that is not needed.
func (s *Server) deleteSnapshot(c *call) error {
	at, err := parseOffset("a snapshot's offset", c.r.PathValue("offset"))
	if err != nil {
		return err
	}
	err = s.log.DeleteSnapshot(c.r.Context(), c.doc, at)
	switch {
	case errors.Is(err, oplog.ErrNotFound):
		return notFound("document %s has no snapshot %d", c.doc, at)
	case errors.Is(err, oplog.ErrNeeded):
		return &refusal{http.StatusConflict, wire.Conflict, "this snapshot stands in for ops that are pruned"}
	case err != nil:
		return err
	}
	s.snapshotsChanged(c.doc)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
