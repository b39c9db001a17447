package relay

import (
	"errors"
	"net/http"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// docInfo is what is known of a document.
type docInfo struct {
	Doc          oplog.DocID    `json:"doc"`
	Epoch        oplog.Epoch    `json:"epoch"`
	Head         oplog.Offset   `json:"head"`
	First        oplog.Offset   `json:"first"`
	Clock        clock.Vector   `json:"clock"`
	Format       oplog.Format   `json:"format"`
	At           int64          `json:"at"`    // of the newest op
	Bytes        int64          `json:"bytes"` // of the ops that are held
	Participants int            `json:"participants"`
	Access       []string       `json:"access"` // what the caller may do here
	Snapshot     *wire.Snapshot `json:"snapshot,omitempty"`
}

func (s *Server) getDoc(c *call) error {
	ctx := c.r.Context()
	state, err := s.log.State(ctx, c.doc)
	if errors.Is(err, oplog.ErrNotFound) {
		status, body := s.explain(c, err)
		body.Access = c.rights.Names() // who is about to make it can know what comes next
		answer(c.w, status, body)
		return nil
	}
	if err != nil {
		return err
	}
	info := &docInfo{
		Doc: c.doc, Epoch: state.Epoch, Head: state.Head, First: state.First,
		Clock: state.Heads.Clock, Format: state.Format, At: state.At, Bytes: state.Bytes,
		Participants: s.participants(c.doc), Access: c.rights.Names(),
	}
	blob, err := s.log.Snapshot(ctx, c.doc, 0)
	switch {
	case err == nil:
		info.Snapshot = snapshotFrame(c.doc, &blob)
	case !errors.Is(err, oplog.ErrNotFound):
		return err
	}
	answer(c.w, http.StatusOK, info)
	return nil
}

// participants returns how many sessions are in a document, without making a
// room for one that has none.
func (s *Server) participants(doc oplog.DocID) int {
	s.mu.Lock()
	r := s.rooms[doc]
	s.mu.Unlock()
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.members)
}

// Bounds of a list of documents. What a caller may not administer is left out,
// so a list that looked at enough names may be short and still have a next one.
const (
	defaultListDocs = 1000
	maxListDocs     = 10_000
)

// docList is the documents whose names follow after. Next, if it is there, is
// the after of the rest.
type docList struct {
	Docs []oplog.DocID `json:"docs"`
	Next oplog.DocID   `json:"next,omitempty"`
}

// listDocs answers with the documents that the caller is admin of.
func (s *Server) listDocs(c *call) error {
	if !isAdmin(c.id) {
		return &refusal{http.StatusForbidden, wire.Forbidden, "this needs the right admin in some document"}
	}
	limit, err := c.limit()
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = defaultListDocs
	}
	limit = min(limit, maxListDocs)
	// Any text will do to begin after: the documents are in the order of names.
	names, err := s.log.Docs(c.r.Context(), oplog.DocID(c.query.Get("after")), limit)
	if err != nil {
		return err
	}
	list := docList{Docs: []oplog.DocID{}}
	for _, doc := range names {
		if c.id.Rights(string(doc)).Has(auth.Admin) {
			list.Docs = append(list.Docs, doc)
		}
	}
	if len(names) == limit {
		list.Next = names[len(names)-1]
	}
	answer(c.w, http.StatusOK, &list)
	return nil
}

// isAdmin reports whether there can be a document that somebody is admin of.
func isAdmin(id *auth.Identity) bool {
	for _, rights := range id.Docs {
		if rights.Has(auth.Admin) {
			return true
		}
	}
	return false
}
