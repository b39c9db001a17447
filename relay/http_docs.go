package relay

import (
	"errors"
	"net/http"
	"strings"

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

// Bounds of a list of documents.
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

// listDocs answers with the documents that the caller is admin of. Nothing in it
// depends on others.
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
	list := docList{Docs: []oplog.DocID{}}
	// Any text will do to begin after: the documents are in the order of names.
	after, page := oplog.DocID(c.query.Get("after")), limit
	for more := true; more; page = maxListDocs {
		names, err := s.log.Docs(c.r.Context(), after, page)
		if err != nil {
			return err
		}
		for _, doc := range names {
			if len(list.Docs) < limit && c.id.Rights(string(doc)).Has(auth.Admin) {
				list.Docs = append(list.Docs, doc)
			}
		}
		if len(list.Docs) == limit {
			list.Next = list.Docs[limit-1]
			break
		}
		if more = len(names) == page; more {
			after, more = skip(c.id, names[page-1])
		}
	}
	answer(c.w, http.StatusOK, &list)
	return nil
}

// skip returns after what name the next document may be that somebody is admin
// of, behind one that was looked at; false if there can be none.
func skip(id *auth.Identity, last oplog.DocID) (after oplog.DocID, ok bool) {
	var next string
	for pattern, rights := range id.Docs {
		begin, open := strings.CutSuffix(pattern, "*")
		switch {
		case !rights.Has(auth.Admin):
		case open && strings.HasPrefix(string(last), begin):
			return last, true
		case begin > string(last) && (next == "" || begin < next):
			next = begin
		}
	}
	if next == "" {
		return "", false
	}
	end := len(next) - 1
	return oplog.DocID(next[:end] + string(rune(next[end]-1)) + "\x7f"), true // no name is between
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
