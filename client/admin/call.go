package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// maxAnswer is the largest answer that is read as a whole: the clock of a
// document in which a million actors wrote fits.
const maxAnswer = 64 << 20

// call is one request.
type call struct {
	right    string // that it needs, for errors
	doc      oplog.DocID
	method   string // default GET
	path     string
	query    url.Values
	header   map[string]string
	body     []byte
	stream   io.ReadCloser // in place of body, sent once
	once     bool          // it is not safe to repeat after a cut
	conflict error         // what 409 conflict means
}

func docPath(doc oplog.DocID, rest string) string {
	return "/v1/docs/" + url.PathEscape(string(doc)) + rest
}

// do sends a request, again while the relay refuses for the moment or cannot be
// reached, until the answer is a success. The caller closes its body.
func (r *Relay) do(ctx context.Context, c *call) (*http.Response, error) {
	p := pauses{patience: r.patience}
	for {
		resp, err := r.try(ctx, c)
		if err == nil {
			return resp, nil
		}
		after := time.Duration(0)
		again := !c.once && ctx.Err() == nil
		if f, ok := errors.AsType[*refusal](err); ok {
			again, after = f.passes(), f.after
		} else if _, ok := errors.AsType[*AccessError](err); ok {
			again = false
		}
		if !again || !p.wait(ctx, after) {
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// try sends a request once.
func (r *Relay) try(ctx context.Context, c *call) (*http.Response, error) {
	u := r.base + c.path
	if len(c.query) > 0 {
		u += "?" + c.query.Encode()
	}
	var body io.Reader
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, c.method, u, body)
	if err != nil {
		cancel(nil)
		if c.stream != nil {
			c.stream.Close()
		}
		return nil, err
	}
	if c.stream != nil {
		req.Body, req.ContentLength = c.stream, -1
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	if r.token != "" {
		req.Header.Set(wire.TokenHeader, r.token)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, patience: r.patience}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCut, err)
	}
	f := newRefusal(resp, said, c.conflict)
	if f.status == http.StatusUnauthorized || f.status == http.StatusForbidden {
		return nil, &AccessError{Status: f.status, Right: c.right, Doc: c.doc, Message: f.Message}
	}
	return nil, f
}

// get reads an answer as a whole into v, unless that is nil.
func (r *Relay) get(ctx context.Context, c *call, v any) error {
	p := pauses{patience: r.patience}
	for {
		resp, err := r.do(ctx, c)
		if err != nil {
			return err
		}
		err = readAnswer(resp.Body, v)
		resp.Body.Close()
		if errors.Is(err, errCut) && !c.once && p.wait(ctx, 0) {
			continue
		}
		return err
	}
}

// errCut says that an answer ended before it was complete.
var errCut = errors.New("the answer was cut")

func readAnswer(body io.Reader, v any) error {
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errCut, err)
	case len(text) > maxAnswer:
		return fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	case v == nil:
		return nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("the answer is not what a relay says: %w", err)
	}
	return nil
}

var errStalled = errors.New("the relay sent nothing for too long")

// answerBody is the body of an answer. A read that gets nothing for as long as
// patience lasts ends the answer.
type answerBody struct {
	io.ReadCloser
	ctx      context.Context
	cancel   context.CancelCauseFunc
	patience time.Duration
}

func (b *answerBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.patience, func() { b.cancel(errStalled) })
	defer timer.Stop()
	n, err := b.ReadCloser.Read(p)
	if err != nil && errors.Is(context.Cause(b.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (b *answerBody) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// pauses are those between attempts, each longer than the one before.
type pauses struct {
	patience time.Duration

	since time.Time // the first failure
	last  time.Duration
}

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// wait pauses, at least as long as was asked for, and reports whether to try
// again: neither the patience nor ctx has ended.
func (p *pauses) wait(ctx context.Context, asked time.Duration) bool {
	if p.since.IsZero() {
		p.since = time.Now()
	}
	p.last = min(max(shortestPause, 2*p.last), longestPause)
	pause := max(p.last, asked)
	if time.Since(p.since)+pause > p.patience {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
