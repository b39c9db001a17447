package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what is expected of an HTTP response.
type answer struct {
	status int
	fields [][2]string // name, and a part of the value
	body   pattern
	hasAny bool // a body is expected
}

// request is the words of a statement about HTTP, an open or a stream.
type request struct {
	as     string
	place  string
	offers []string
	fields [][2]string
	body   string
}

// openStep is "A open …".
type openStep struct {
	name string
	request
	want *answer // nil: it opens
}

func (s openStep) do(ctx context.Context, r *run) error {
	token, err := r.token(s.as)
	if err != nil {
		return err
	}
	header, err := s.header(r)
	if err != nil {
		return err
	}
	p, resp, err := open(ctx, r.ws, dial{token: token, place: s.place, offers: s.offers, header: header}, r.cfg.OnFrame)
	if resp == nil {
		return err
	}
	defer resp.Body.Close()
	if p != nil {
		r.add(s.name, p)
	}
	if s.want == nil {
		return err
	}
	return s.want.check(r, resp)
}

// httpStep is "METHOD PATH … -> ANSWER".
type httpStep struct {
	method, path string
	request
	want *answer
}

// do asks again where the server says that it has no hands free: others may use
// it, other dialogues do.
func (s httpStep) do(ctx context.Context, r *run) error {
	for deadline := time.Now().Add(r.cfg.Wait); ; {
		resp, err := s.send(ctx, r, s.method, s.path)
		if err != nil {
			return err
		}
		busy := resp.StatusCode == http.StatusServiceUnavailable && s.want.status != resp.StatusCode
		if !busy || time.Now().After(deadline) {
			defer resp.Body.Close()
			return s.want.check(r, resp)
		}
		resp.Body.Close()
		select {
		case <-time.After(r.cfg.Wait / 5):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// streamStep is "E stream PATH …".
type streamStep struct {
	name, path string
	request
}

func (s streamStep) do(ctx context.Context, r *run) error {
	ctx, cancel := context.WithCancel(ctx)
	s.fields = append(s.fields[:len(s.fields):len(s.fields)], [2]string{"Accept", "text/event-stream"})
	resp, err := s.send(ctx, r, http.MethodGet, s.path)
	if err != nil {
		cancel()
		return err
	}
	p := newPeer(nil)
	p.stop = func() { cancel(); _ = resp.Body.Close() }
	r.add(s.name, p)
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(got, "text/event-stream") {
		return fmt.Errorf("answered %d %s, not an event stream", resp.StatusCode, got)
	}
	go p.stream(resp.Body)
	return nil
}

func (q request) header(r *run) (http.Header, error) {
	h := http.Header{}
	for _, f := range q.fields {
		value, err := r.values.expand(f[1])
		if err != nil {
			return nil, err
		}
		h.Set(f[0], value)
	}
	return h, nil
}

func (q request) send(ctx context.Context, r *run, method, path string) (*http.Response, error) {
	path, err := r.values.expand(path)
	if err != nil {
		return nil, err
	}
	body, err := r.values.expand(q.body)
	if err != nil {
		return nil, err
	}
	kind := "application/json"
	if literal, err := strconv.Unquote(body); err == nil {
		body, kind = literal, "application/octet-stream"
	}
	req, err := http.NewRequestWithContext(ctx, method, r.http+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if req.Header, err = q.header(r); err != nil {
		return nil, err
	}
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", kind)
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	token, err := r.token(q.as)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	return resp, nil
}

// check compares a response, and reads its body.
func (a *answer) check(r *run, resp *http.Response) error {
	var body []byte
	if a.hasAny || resp.StatusCode != a.status {
		var err error
		if body, err = io.ReadAll(io.LimitReader(resp.Body, 64<<20)); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
	}
	came := fmt.Sprintf("came: %d %s", resp.StatusCode, short(bytes.TrimSpace(body)))
	if resp.StatusCode != a.status {
		return fmt.Errorf("%s\nstatus is %d, not %d", came, resp.StatusCode, a.status)
	}
	for _, f := range a.fields {
		want, err := r.values.expand(f[1])
		if err != nil {
			return err
		}
		if got := resp.Header.Get(f[0]); got == "" || !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
			return fmt.Errorf("%s\nfield %s is %q, without %q", came, f[0], got, want)
		}
	}
	if !a.hasAny {
		return nil
	}
	if err := r.like(a.body, value(resp, body), "body"); err != nil {
		return fmt.Errorf("%s\n%w", came, err)
	}
	return nil
}

// value makes a JSON value of a body: itself, a list of its lines, or a string.
func value(resp *http.Response, body []byte) json.RawMessage {
	kind := resp.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(kind, "application/json"):
		return bytes.TrimSpace(body)
	case strings.HasPrefix(kind, "application/x-ndjson"):
		lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
		if len(lines[0]) == 0 {
			return json.RawMessage("[]")
		}
		return slices.Concat([]byte("["), bytes.Join(lines, []byte(",")), []byte("]"))
	}
	text, _ := json.Marshal(string(body)) // a string cannot fail
	return text
}
