package relay

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// parsePosition reads an offset that may be 0, for the start; so is one not given.
func parsePosition(name, text string) (oplog.Offset, error) {
	if text == "" || text == "0" {
		return 0, nil
	}
	n, err := clock.ParseSeq([]byte(text))
	if err != nil {
		return 0, invalid("%s must be an integer from 0 to 2^53-1, not %.40q", name, text)
	}
	return oplog.Offset(n), nil
}

// parseOffset reads the offset of an op.
func parseOffset(name, text string) (oplog.Offset, error) {
	n, err := clock.ParseSeq([]byte(text))
	if err != nil {
		return 0, invalid("%s must be an integer from 1 to 2^53-1, not %.40q", name, text)
	}
	return oplog.Offset(n), nil
}

// limit reads how much is asked for, 0 if that is not said.
func (c *call) limit() (int, error) {
	text := c.query.Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return 0, invalid("limit must be an integer from 1 on, not %.40q", text)
	}
	return int(n), nil
}

// parseFormat reads what the payloads are said to be, empty if that is not said.
func parseFormat(text string) (oplog.Format, error) {
	if text == "" {
		return "", nil
	}
	f, err := oplog.ParseFormat(text)
	if err != nil {
		return "", invalid("%v", err)
	}
	return f, nil
}

// maxWait is the longest a request waits for an op.
const maxWait = time.Minute

// wait reads how long a page that would be empty may wait.
func (c *call) wait() (time.Duration, error) {
	text := c.query.Get("wait")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, invalid("wait must be a time like 30s, not %.40q", text)
	}
	return min(d, maxWait), nil
}

// epoch checks the epoch in the query, if there is one, against the document's.
func (s *Server) epoch(c *call) error {
	want := c.query.Get("epoch")
	if want == "" {
		return nil
	}
	state, err := s.log.State(c.r.Context(), c.doc)
	if err == nil && string(state.Epoch) != want {
		err = oplog.ErrEpoch
	}
	return err
}

// isOf asks for the media type of a body. A form is none that is wanted: any
// page may send one.
func (c *call) isOf(want string) error {
	text := c.r.Header.Get("Content-Type")
	got, _, err := mime.ParseMediaType(text)
	if err != nil || got != want {
		return &refusal{http.StatusUnsupportedMediaType, wire.Invalid, "the Content-Type must be " + want + ", not " + strconv.Quote(text)}
	}
	return nil
}

// isEmptyOr asks for the media type of a body that may be left out.
func (c *call) isEmptyOr(want string) error {
	if c.r.ContentLength == 0 && c.r.Header.Get("Content-Type") == "" {
		return nil
	}
	return c.isOf(want)
}

// The media types that ops are asked for in.
const (
	typeJSON   = "application/json"
	typeLines  = "application/x-ndjson"
	typeEvents = "text/event-stream"
	typeOctets = "application/octet-stream"
)

// accepts returns the first media type of the Accept header that ops come in.
func (c *call) accepts() string {
	for _, header := range c.r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			switch t, _, _ := mime.ParseMediaType(part); t {
			case typeJSON, typeLines, typeEvents:
				return t
			}
		}
	}
	return typeJSON
}
