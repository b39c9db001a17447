package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// maxList is how many documents a relay lists at a time.
const maxList = 10_000

// Docs is [oplog.Log.Docs] for those documents that the token has the right
// admin in.
func (r *Relay) Docs(ctx context.Context, after oplog.DocID, limit int) (ids []oplog.DocID, err error) {
	for len(ids) < limit {
		list, next, err := r.list(ctx, after, min(limit-len(ids), maxList))
		if err != nil {
			return nil, fmt.Errorf("list documents: %w", err)
		}
		if ids = append(ids, list...); next == "" {
			break
		}
		after = next
	}
	return ids, ctx.Err()
}

func (r *Relay) list(ctx context.Context, after oplog.DocID, limit int) (ids []oplog.DocID, next oplog.DocID, err error) {
	var list struct {
		Docs []oplog.DocID `json:"docs"`
		Next oplog.DocID   `json:"next"`
	}
	err = r.get(ctx, &call{
		right: "admin", path: "/v1/docs",
		query: url.Values{"after": {string(after)}, "limit": {strconv.Itoa(limit)}},
	}, &list)
	if err != nil {
		return nil, "", err
	}
	last := after
	for _, id := range list.Docs {
		if _, err := oplog.ParseDocID(string(id)); err != nil {
			return nil, "", err
		}
		if id <= last {
			return nil, "", fmt.Errorf("the list is out of order: %q came behind %q", id, last)
		}
		last = id
	}
	if len(list.Docs) > limit || list.Next != "" && (list.Next <= after || list.Next < last) {
		return nil, "", fmt.Errorf("the list does not go on where it should: %d names, then %q", len(list.Docs), list.Next)
	}
	return list.Docs, list.Next, nil
}

// docInfo is what a relay says of a document.
type docInfo struct {
	Doc    oplog.DocID  `json:"doc"`
	Epoch  oplog.Epoch  `json:"epoch"`
	Head   oplog.Offset `json:"head"`
	First  oplog.Offset `json:"first"`
	Clock  clock.Vector `json:"clock"`
	Format oplog.Format `json:"format"`
	At     int64        `json:"at"`
	Bytes  int64        `json:"bytes"`
	Access []string     `json:"access"`
}

func (r *Relay) info(ctx context.Context, doc oplog.DocID) (*docInfo, error) {
	var info docInfo
	if err := r.get(ctx, &call{right: "read", doc: doc, path: docPath(doc, "")}, &info); err != nil {
		return nil, err
	}
	_, err := oplog.ParseFormat(string(info.Format))
	switch {
	case err != nil:
	case info.Doc != doc:
		err = fmt.Errorf("the answer is about %.140q", info.Doc)
	case info.Epoch == "" || info.First == 0 || info.Head > clock.MaxSeq || info.First > info.Head+1:
		err = fmt.Errorf("the answer makes no sense: epoch %q, ops %d to %d", info.Epoch, info.First, info.Head)
	}
	return &info, err
}

// State is [oplog.Log.State], but for whom actors belong to: a relay keeps that
// to itself.
func (r *Relay) State(ctx context.Context, doc oplog.DocID) (oplog.State, error) {
	info, err := r.info(ctx, doc)
	if err != nil {
		return oplog.State{}, fmt.Errorf("state of %q: %w", doc, err)
	}
	return oplog.State{
		Span:   oplog.Span{Epoch: info.Epoch, First: info.First, Head: info.Head},
		Format: info.Format, At: info.At, Heads: oplog.Heads{Clock: info.Clock}, Bytes: info.Bytes,
	}, nil
}

// Access returns the rights that the token has in a document, whether it exists
// or not: of read, write, presence, compact and admin. A token without the right
// read is an [*AccessError].
func (r *Relay) Access(ctx context.Context, doc oplog.DocID) ([]string, error) {
	info, err := r.info(ctx, doc)
	if f, ok := errors.AsType[*refusal](err); ok && errors.Is(err, oplog.ErrNotFound) && f.Access != nil {
		return f.Access, nil
	}
	if err != nil {
		return nil, fmt.Errorf("rights in %q: %w", doc, err)
	}
	return info.Access, nil
}

// Delete is [oplog.Log.Delete]. Sessions in the document hear of it.
func (r *Relay) Delete(ctx context.Context, doc oplog.DocID) error {
	c := &call{right: "admin", doc: doc, method: http.MethodDelete, path: docPath(doc, ""), once: true}
	if err := r.get(ctx, c, nil); err != nil {
		return fmt.Errorf("delete %q: %w", doc, err)
	}
	return nil
}

// Prune is [oplog.Log.Prune].
func (r *Relay) Prune(ctx context.Context, doc oplog.DocID, before oplog.Offset) (first oplog.Offset, err error) {
	var pruned struct {
		First oplog.Offset `json:"first"`
	}
	err = r.get(ctx, &call{
		right: "admin", doc: doc, method: http.MethodPost, path: docPath(doc, "/prune"),
		query: url.Values{"before": {strconv.FormatUint(uint64(max(before, 1)), 10)}}, conflict: oplog.ErrNeeded,
	}, &pruned)
	if err == nil && pruned.First == 0 {
		err = errors.New("the answer does not say which op is the first now")
	}
	if err != nil {
		return 0, fmt.Errorf("prune %q before %d: %w", doc, before, err)
	}
	return pruned.First, nil
}
