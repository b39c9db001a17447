package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// peer is one connection of a dialogue: what it heard waits until a statement
// asks for it, so that a slow dialogue never holds up the server.
type peer struct {
	ws    *websocket.Conn // nil for an event stream
	stop  func()          // ends the connection from this side, roughly
	watch func(Direction, []byte)

	mu     sync.Mutex
	heard  []json.RawMessage // guarded by mu
	ended  error             // guarded by mu: why nothing more will come
	order  order             // guarded by mu
	signal chan struct{}     // something of the above changed
}

func newPeer(watch func(Direction, []byte)) *peer {
	if watch == nil {
		watch = func(Direction, []byte) {}
	}
	return &peer{watch: watch, signal: make(chan struct{}, 1)}
}

// put adds what was heard, or the end.
func (p *peer) put(frames []json.RawMessage, end error) {
	p.mu.Lock()
	for _, f := range frames {
		p.order.note(f)
	}
	p.heard = append(p.heard, frames...)
	p.ended = end
	p.mu.Unlock()
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// errQuiet says that nothing came in time.
var errQuiet = errors.New("nothing came in time")

// next returns the oldest frame that was not asked for yet.
func (p *peer) next(ctx context.Context, wait time.Duration) (json.RawMessage, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		p.mu.Lock()
		if len(p.heard) > 0 {
			f := p.heard[0]
			p.heard = p.heard[1:]
			p.mu.Unlock()
			return f, nil
		}
		end := p.ended
		p.mu.Unlock()
		if end != nil {
			return nil, end
		}
		select {
		case <-p.signal:
		case <-timer.C:
			return nil, errQuiet
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// disorder returns what was heard against the order of offsets, or "".
func (p *peer) disorder() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.order.broken
}

func (p *peer) send(text []byte) error {
	if p.ws == nil {
		return errors.New("an event stream takes no frames")
	}
	p.watch(ToServer, text)
	if err := p.ws.WriteMessage(websocket.TextMessage, text); err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	return nil
}

// close closes it as a client that is done does.
func (p *peer) close() {
	if p.ws != nil {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = p.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	}
	p.stop()
}

// dial is how a connection is opened.
type dial struct {
	token  string // empty for none
	place  string // of the token: header, protocol or query
	offers []string
	header http.Header
}

// open opens a WebSocket. The response is never nil where err is.
func open(ctx context.Context, address string, d dial, watch func(Direction, []byte)) (*peer, *http.Response, error) {
	header, offers := d.header.Clone(), d.offers
	if header == nil {
		header = http.Header{}
	}
	switch {
	case d.token == "":
	case d.place == "protocol":
		offers = append(offers[:len(offers):len(offers)], "bearer."+d.token)
	case d.place == "query":
		address += "?access_token=" + url.QueryEscape(d.token)
	default:
		header.Set("Authorization", "Bearer "+d.token)
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Subprotocols: offers}
	ws, resp, err := dialer.DialContext(ctx, address, header)
	if err != nil {
		return nil, resp, fmt.Errorf("open connection: %w", err)
	}
	p := newPeer(watch)
	p.ws, p.stop = ws, func() { _ = ws.Close() }
	go p.read()
	return p, resp, nil
}

// read hears frames until the connection ends. A close code is told as a
// *[websocket.CloseError].
func (p *peer) read() {
	for {
		kind, data, err := p.ws.ReadMessage()
		if err != nil {
			p.put(nil, err)
			return
		}
		if kind != websocket.TextMessage {
			p.put(nil, fmt.Errorf("a binary message of %d bytes came", len(data)))
			return
		}
		p.watch(FromServer, data)
		p.put(split(data), nil)
	}
}

// split makes several ops frames of one with several ops.
func split(data []byte) []json.RawMessage {
	var f struct {
		Type string            `json:"type"`
		Doc  json.RawMessage   `json:"doc"`
		Ops  []json.RawMessage `json:"ops"`
	}
	if json.Unmarshal(data, &f) != nil || f.Type != "ops" || len(f.Ops) < 2 {
		return []json.RawMessage{data}
	}
	out := make([]json.RawMessage, len(f.Ops))
	for i, op := range f.Ops {
		out[i] = fmt.Appendf(nil, `{"type":"ops","doc":%s,"ops":[%s]}`, f.Doc, op)
	}
	return out
}

// stream reads server-sent events until the body ends. An event becomes the
// frame {"id","event","data"}.
func (p *peer) stream(body io.Reader) {
	var buf bytes.Buffer
	chunk := make([]byte, 32<<10)
	for {
		n, err := body.Read(chunk)
		buf.Write(chunk[:n])
		for {
			text, rest, whole := strings.Cut(strings.ReplaceAll(buf.String(), "\r\n", "\n"), "\n\n")
			if !whole {
				break
			}
			buf.Reset()
			buf.WriteString(rest)
			if f := event(text); f != nil {
				p.put([]json.RawMessage{f}, nil)
			}
		}
		if err != nil {
			p.put(nil, fmt.Errorf("read event stream: %w", err))
			return
		}
	}
}

// event returns one server-sent event as a frame, or nil for a comment.
func event(text string) json.RawMessage {
	var data []string
	f := []byte("{")
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			data = append(data, value)
		case "id", "event":
			quoted, _ := json.Marshal(value) // a string cannot fail
			f = fmt.Appendf(f, "%q:%s,", name, quoted)
		}
	}
	if data == nil {
		return nil
	}
	content := strings.Join(data, "\n")
	if !json.Valid([]byte(content)) {
		quoted, _ := json.Marshal(content)
		content = string(quoted)
	}
	return fmt.Appendf(f, `"data":%s}`, content)
}
