package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// snapshotOffer is a snapshot that a stream may begin with.
type snapshotOffer struct {
	wire.Snapshot
	// first, unless 0, says that ops before it are gone, so that there is nothing but a
	// snapshot to begin with: then the offer is of the newest one at or before its URL.
	first oplog.Offset
}

// older offers the newest snapshot that the caller did not refuse.
func (d *Doc) older(first oplog.Offset) *snapshotOffer {
	name := "latest"
	if d.below > 0 {
		name = strconv.FormatUint(uint64(max(d.below-1, 1)), 10)
	}
	url := "/v1/docs/" + string(d.name) + "/snapshots/" + name
	return &snapshotOffer{Snapshot: wire.Snapshot{URL: url}, first: first}
}

// fetchWait is how long a snapshot that could not be fetched, and is needed, is left
// alone.
const fetchWait = time.Second

// take completes an offered snapshot with its clock, from which on the ops that
// follow are proven, and moves the caller's position behind it. It reports
// false if the offer stands no longer. Without its clock a blob is no use: then
// the ops themselves are asked for, and where those are gone the snapshot again.
func (d *Doc) take(ctx context.Context, stream int, o *snapshotOffer, u *Update) bool {
	c := d.conn
	var meta struct {
		wire.Snapshot
		Clock clock.Vector `json:"clock"`
	}
	query := ""
	if o.first > 0 {
		query = "?nearest=true"
	}
	body, err := c.get(ctx, o.URL+"/meta"+query, 64<<20)
	if err == nil {
		err = json.Unmarshal(body, &meta)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.inbox.stream != stream {
		return false
	}
	switch {
	case o.first == 0:
		meta.Snapshot = o.Snapshot
	case err == nil && (meta.Offset+1 < o.first || d.below > 0 && meta.Offset >= d.below):
		err = &wire.Error{Code: wire.NotFound, Message: fmt.Sprintf("the only one left is at %d", meta.Offset)}
	}
	if err != nil {
		d.lacksSnapshot(o, err)
		return false
	}
	before := d.place
	before.seen = d.place.seen.clone()
	d.place.before = &before
	d.place.seen.replace(meta.Clock)
	d.place.offset = meta.Offset
	u.Snapshot = &Snapshot{Snapshot: meta.Snapshot, Clock: meta.Clock}
	return true
}

// lacksSnapshot goes on without a snapshot's clock. conn.mu is held.
func (d *Doc) lacksSnapshot(o *snapshotOffer, err error) {
	said, _ := errors.AsType[*wire.Error](err)
	final := said != nil && (said.Code == wire.NotFound || said.Code == wire.Forbidden || said.Code == wire.Unauthorized)
	d.conn.log.Error("fetch snapshot's clock", "doc", d.name, "url", o.URL, "err", err)
	switch {
	case o.first == 0:
		d.noSnapshot, d.byClock = true, true
		d.rejoin(err)
	case final:
		d.conn.send(&leaveFrame{Type: wire.TypeLeave, ID: idLeave, Doc: d.name})
		d.inbox.cut() // what comes without a snapshot is no document
		d.over(&SnapshotError{Doc: d.name, First: o.first, Err: err})
	default:
		d.byClock = true
		d.rejoin(err)
		d.notBefore = time.Now().Add(max(d.conn.opts.MinBackoff, min(fetchWait, d.conn.opts.MaxBackoff)) + jitter(d.conn.opts.MinBackoff))
	}
}

// Snapshot fetches the bytes of an offered snapshot. They are those that were
// stored, or it is an error.
func (d *Doc) Snapshot(ctx context.Context, s *Snapshot) ([]byte, error) {
	blob, err := d.conn.get(ctx, s.URL, s.Bytes)
	if err != nil {
		return nil, fmt.Errorf("fetch snapshot: %w", err)
	}
	if sum := sha256.Sum256(blob); hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, fmt.Errorf("fetch snapshot: the %d bytes that came are not those that were stored", len(blob))
	}
	return blob, nil
}

// RefuseSnapshot says that the snapshot of the last update cannot be loaded: the
// document comes as ops. Where the first of them are gone, older snapshots are
// offered, as long as the ops reach back to them; if there is none, the stay ends
// with a [*SnapshotError]. It must be called before the next update is received.
func (d *Doc) RefuseSnapshot() {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	if d.place.before == nil {
		return
	}
	d.below = d.place.offset
	d.place = *d.place.before
	d.place.seen.have.Raise(d.out.actor, d.out.first()-1) // acks that came meanwhile
	d.noSnapshot = true
	d.byClock = true
	d.rejoin(errors.New("the snapshot was refused"))
}

// PutSnapshot stores a blob as the state at an offset: of exactly the ops at or
// before it. It needs the right "compact". The relay itself says by whom it is. A
// Maker, which is a library's name and version, lets others prune by it; see [oplog.Maker].
func (d *Doc) PutSnapshot(ctx context.Context, at oplog.Offset, info oplog.SnapshotInfo, blob []byte) error {
	u := d.conn.resolve("/v1/docs/" + string(d.name) + "/snapshots/" + strconv.FormatUint(uint64(at), 10))
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u, bytes.NewReader(blob))
	if err != nil {
		return fmt.Errorf("store snapshot: %w", err)
	}
	sum := sha256.Sum256(blob)
	req.Header = d.conn.header()
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Baton-Sha256", hex.EncodeToString(sum[:]))
	if info.Format != "" {
		req.Header.Set("Baton-Format", string(info.Format))
	}
	if info.Maker != "" {
		req.Header.Set("Baton-Maker", string(info.Maker))
	}
	if _, err := d.conn.do(req, 64<<10); err != nil {
		return fmt.Errorf("store snapshot: %w", err)
	}
	return nil
}

// get fetches a path of the relay: never a whole URL, so that a token goes
// nowhere else.
func (c *Conn) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%.80q is not a path", path)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.resolve(path), nil)
	if err != nil {
		return nil, err
	}
	req.Header = c.header()
	return c.do(req, limit)
}

func (c *Conn) resolve(path string) string {
	u := *c.base
	path, u.RawQuery, _ = strings.Cut(path, "?")
	u.Path += path
	return u.String()
}

// do sends a request and reads an answer of at most limit bytes.
func (c *Conn) do(req *http.Request, limit int64) ([]byte, error) {
	resp, err := c.opts.HTTPClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode/100 != 2:
		var said wire.Error
		_ = json.Unmarshal(body, &said) // not all that stands between speaks JSON
		return nil, fmt.Errorf("%s: %w", resp.Status, &said)
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return body, nil
}
