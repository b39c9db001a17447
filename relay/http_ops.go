package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// Bounds of a page of ops; a single op may pass that of bytes.
const (
	defaultPageOps = 1000
	maxPageOps     = 10_000
	maxPageBytes   = 1 << 20
)

// place is how far a reader of ops has come. An empty epoch is today's.
type place struct {
	epoch oplog.Epoch
	after oplog.Offset
}

// mayCome reports whether what a reader found may still become ops: nothing new
// yet, or no document yet. Who names a place in a document that does not exist
// has nothing to wait for.
func (at place) mayCome(p *page, err error) bool {
	if errors.Is(err, oplog.ErrNotFound) {
		return at == place{}
	}
	return err == nil && p.count == 0
}

// page is ops as they were at one moment, encoded.
type page struct {
	span  oplog.Span
	ops   []byte
	count int
	next  oplog.Offset // what the page after this one comes after
	live  bool         // the page reaches the head
}

// readPage reads at most limit ops, and bytes bytes or one op. It is short: the
// log is not held while anything is sent.
func (s *Server) readPage(c *call, at place, limit, bytes int, add func([]byte, *oplog.Entry) []byte) (*page, error) {
	p := &page{next: at.after, live: true}
	var err error
	p.span, err = s.log.Read(c.r.Context(), c.doc, at.epoch, at.after, func(e *oplog.Entry) bool {
		size := len(p.ops)
		full := p.count == limit
		if !full {
			p.ops = add(p.ops, e)
			full = p.count > 0 && len(p.ops) > bytes
		}
		if full {
			p.ops, p.live = p.ops[:size], false
			return false
		}
		p.count++
		p.next = e.Offset
		return true
	})
	if err == nil && p.live {
		p.next = max(p.next, p.span.Head)
	}
	return p, err
}

// getOps answers with ops: a page, lines, or events.
func (s *Server) getOps(c *call) error {
	after, err := parsePosition("after", c.query.Get("after"))
	if err != nil {
		return err
	}
	limit, err := c.limit()
	if err != nil {
		return err
	}
	wait, err := c.wait()
	if err != nil {
		return err
	}
	at := place{oplog.Epoch(c.query.Get("epoch")), after}
	c.w.Header().Add("Vary", "Accept, Authorization, Baton-Token")
	switch c.accepts() {
	case typeLines:
		return s.sendLines(c, at, limit)
	case typeEvents:
		return s.sendEvents(c, at)
	}
	if limit == 0 {
		limit = defaultPageOps
	}
	return s.sendPage(c, at, min(limit, maxPageOps), wait)
}

func appendListed(dst []byte, e *oplog.Entry) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	return wire.AppendEntry(dst, e)
}

func (s *Server) sendPage(c *call, at place, limit int, wait time.Duration) error {
	p, err := s.readPage(c, at, limit, maxPageBytes, appendListed)
	if wait > 0 && at.mayCome(p, err) && !c.isHead() {
		p, err = s.awaitPage(c, at, limit, wait)
	}
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Cache-Control", p.caching(c, at))
	h.Set("Content-Type", typeJSON)
	body := p.json()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = c.w.Write(body) // a client that is gone needs no answer
	return nil
}

// awaitPage reads until there is something, the time is up, or the server goes.
// What was found last is the answer.
func (s *Server) awaitPage(c *call, at place, limit int, wait time.Duration) (*page, error) {
	r, err := s.room(c.r.Context(), c.doc)
	if err != nil {
		return nil, err
	}
	defer s.release(r)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		news, _ := r.changed(at.after) // before reading: nothing comes between
		p, err := s.readPage(c, at, limit, maxPageBytes, appendListed)
		if !at.mayCome(p, err) {
			return p, err
		}
		if err == nil {
			at.epoch = p.span.Epoch // what is waited for is in this log
		}
		select {
		case <-news:
		case <-timer.C:
			return p, err
		case <-s.calls.going:
			return p, err
		case <-c.r.Context().Done():
			return nil, context.Cause(c.r.Context())
		}
	}
}

// caching says how long a page stays true. One that ends below the head does not
// change within its epoch, so the epoch must be part of its address.
func (p *page) caching(c *call, at place) string {
	switch {
	case p.live || at.epoch == "":
		return "no-store"
	case c.token != "":
		return "private, max-age=31536000, immutable"
	}
	return "public, max-age=31536000, immutable"
}

// json returns the page as the protocol has it. The ops are the bytes that every
// reader gets.
func (p *page) json() []byte {
	b := make([]byte, 0, len(p.ops)+160)
	b = append(b, `{"epoch":`...)
	b = append(b, quote(string(p.span.Epoch))...)
	b = append(b, `,"first":`...)
	b = strconv.AppendUint(b, uint64(p.span.First), 10)
	b = append(b, `,"ops":[`...)
	b = append(b, p.ops...)
	b = append(b, `],"next":`...)
	b = strconv.AppendUint(b, uint64(p.next), 10)
	b = append(b, `,"live":`...)
	b = strconv.AppendBool(b, p.live)
	return append(b, '}')
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string cannot fail
	return b
}

// sendLines streams the ops up to the head, or to limit, one a line. It ends
// where the head was when it began: writers cannot keep a reader for ever.
func (s *Server) sendLines(c *call, at place, limit int) error {
	var head oplog.Offset
	if limit == 0 {
		limit = -1
	}
	for {
		p, err := s.readPage(c, at, limit, streamPageBytes, appendLine)
		if err != nil {
			return err
		}
		if !c.w.started {
			head = p.span.Head
			h := c.w.Header()
			h.Set("Content-Type", typeLines)
			h.Set("Cache-Control", "no-store")
			h.Set("Baton-Epoch", string(p.span.Epoch))
			c.w.WriteHeader(http.StatusOK)
		}
		if _, err := c.w.Write(p.ops); err != nil || c.isHead() || c.w.flush() != nil {
			return nil // a client that is gone needs no answer
		}
		at = place{p.span.Epoch, p.next}
		limit -= p.count
		if p.live || p.next >= head || limit == 0 {
			return nil
		}
	}
}

// streamPageBytes is how much a stream reads at a time.
const streamPageBytes = 256 << 10

func appendLine(dst []byte, e *oplog.Entry) []byte {
	return append(wire.AppendEntry(dst, e), '\n')
}
