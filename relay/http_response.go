package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// pieceBytes is how much of an answer is written under one deadline. A peer
// that takes a piece within the patience it is given is slow, not dead.
const pieceBytes = 16 << 10

// response is an answer on its way. Its deadlines count from the last progress,
// so an answer may take as long as it takes, but not a peer that takes nothing.
type response struct {
	http.ResponseWriter // static
	control             *http.ResponseController
	patience            time.Duration

	started bool        // owned by the handler: something was said already
	dead    atomic.Bool // the server has no more time
}

func newResponse(w http.ResponseWriter, patience time.Duration) *response {
	return &response{ResponseWriter: w, control: http.NewResponseController(w), patience: patience}
}

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	w.started = true
	w.extend(w.control.SetWriteDeadline)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (n int, err error) {
	w.started = true
	for {
		piece := p[n:min(len(p), n+pieceBytes)]
		w.extend(w.control.SetWriteDeadline)
		k, err := w.ResponseWriter.Write(piece)
		if n += k; err != nil || n == len(p) {
			return n, err
		}
	}
}

// flush sends what was written.
func (w *response) flush() error {
	w.started = true
	w.extend(w.control.SetWriteDeadline)
	return w.control.Flush()
}

// Unwrap is for [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// extend gives the peer its time anew. Where deadlines cannot be set, the
// server that calls us has its own.
func (w *response) extend(set func(time.Time) error) {
	_ = set(time.Now().Add(w.patience))
	if w.dead.Load() {
		_ = set(longAgo)
	}
}

var longAgo = time.Unix(1, 0)

// cut ends reading and writing; it may be called from any goroutine.
func (w *response) cut() {
	w.dead.Store(true)
	_ = w.control.SetReadDeadline(longAgo)
	_ = w.control.SetWriteDeadline(longAgo)
}

// boundBody gives a request with a body the patience for all of it, until somebody
// reads that: one that nobody reads, as of a request that is refused, is waited for
// by the http.Server, which by itself would wait for ever.
func boundBody(w http.ResponseWriter, r *http.Request, patience time.Duration) {
	if r.Body != nil && r.Body != http.NoBody {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	}
}

// requestBody reads what a client sends, as patiently as a response is written,
// if it comes at the pace.
type requestBody struct {
	io.Reader
	w   *response
	end time.Time // when the next byte must be there, by the pace; zero at first
	err error     // why the bytes did not come, or came to too many; else nil
}

// Read implements [io.Reader].
func (b *requestBody) Read(p []byte) (int, error) {
	if b.end.IsZero() {
		b.end = time.Now().Add(b.w.patience)
	}
	b.w.extend(func(by time.Time) error {
		if by.After(b.end) {
			by = b.end
		}
		return b.w.control.SetReadDeadline(by)
	})
	n, err := b.Reader.Read(p)
	b.end = b.end.Add(time.Duration(n) * time.Second / leastPace)
	if far := time.Now().Add(b.w.patience); b.end.After(far) {
		b.end = far // however much came before
	}
	switch {
	case errors.Is(err, io.EOF):
		// From here on the server watches the connection: that has no deadline.
		_ = b.w.control.SetReadDeadline(time.Time{})
	case err != nil:
		// The deadline stays: the server reads what is left of a body that was
		// refused, and must not wait for it.
		b.err = err
	}
	return n, err
}

// refusal is what is said of a body that did not come whole.
func (b *requestBody) refusal() error {
	if errors.Is(b.err, os.ErrDeadlineExceeded) {
		return &refusal{http.StatusRequestTimeout, wire.Invalid, fmt.Sprintf("nothing of the body came for %v, or less than %d bytes a second", b.w.patience, leastPace)}
	}
	return invalid("the body did not come whole: %v", b.err)
}

// body returns the request's body as a whole, if it has at most limit bytes.
func (c *call) body(limit int) ([]byte, error) {
	if c.r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	body := &requestBody{Reader: http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, int64(limit)), w: c.w}
	b, err := io.ReadAll(body)
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, body.refusal()
	}
	if c.r.Context().Err() != nil { // ended while the body came: what it asks for is not done any more
		return nil, context.Cause(c.r.Context())
	}
	return b, nil
}
