package main

import (
	"context"
	be "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long a test waits for a frame that must come.
const patience = 20 * time.Second

// operation is an op as it is sent and as it is heard.
type operation struct {
	Offset  uint64            `json:"offset,omitempty"`
	Actor   string            `json:"actor"`
	Seq     uint64            `json:"seq"`
	Clock   map[string]uint64 `json:"clock,omitempty"`
	Payload json.RawMessage   `json:"payload"`
}

func (o *operation) name() string { return fmt.Sprintf("%s:%d", o.Actor, o.Seq) }

// message is what tests read of any frame of a relay.
type message struct {
	Type    string            `json:"type"`
	Doc     string            `json:"doc"`
	Epoch   string            `json:"epoch"`
	Head    uint64            `json:"head"`
	Offset  uint64            `json:"offset"`
	Actor   string            `json:"actor"`
	Seq     uint64            `json:"seq"`
	Code    string            `json:"code"`
	Message string            `json:"message"`
	RetryMS int64             `json:"retry_ms"`
	Clock   map[string]uint64 `json:"clock"`
	Lost    map[string]uint64 `json:"lost"`
	Ops     []operation       `json:"ops"`

	text string
}

// peer is a client that knows nothing but the protocol's JSON.
type peer struct{ ws *websocket.Conn }

// dial connects and takes the welcome.
func dial(ctx context.Context, url string) (*peer, error) {
	dialer := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{"baton.v1"}}
	ws, _, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	p := &peer{ws}
	if m, err := p.hear(); err != nil || m.Type != "welcome" {
		ws.Close()
		return nil, fmt.Errorf("no welcome: %+v, %w", m, err)
	}
	return p, nil
}

// enter connects to a relay and joins a document from its start, or as since says.
func enter(t *testing.T, relay *process, doc string, since map[string]any) *peer {
	t.Helper()
	p, err := dial(t.Context(), relay.ws())
	if err != nil {
		t.Fatalf("connect: %v\n%s", err, relay.stderr)
	}
	t.Cleanup(func() { p.ws.Close() })
	relay.peers = append(relay.peers, p)
	if err := p.say(map[string]any{"type": "join", "doc": doc, "channels": []string{"ops"}, "since": since}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) say(frame any) error { return p.ws.WriteJSON(frame) }

// send appends ops.
func (p *peer) send(doc string, ops ...operation) error {
	return p.say(map[string]any{"type": "ops", "doc": doc, "ops": ops})
}

// sendBare is send with a mask of zeros, which leaves the payload as it is:
// whoever watches the socket can read it (RFC 6455, section 5.3).
func (p *peer) sendBare(doc string, ops ...operation) error {
	payload, err := json.Marshal(map[string]any{"type": "ops", "doc": doc, "ops": ops})
	if err != nil {
		return err
	}
	const text, masked = 0x81, 0x80
	b := []byte{text}
	switch n := len(payload); {
	case n < 126:
		b = append(b, masked|byte(n))
	case n < 1<<16:
		b = be.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = be.BigEndian.AppendUint64(append(b, masked|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0)
	_, err = p.ws.NetConn().Write(append(b, payload...))
	return err
}

// hear returns the next frame.
func (p *peer) hear() (*message, error) {
	if err := p.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	_, text, err := p.ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	m := &message{text: string(text)}
	return m, json.Unmarshal(text, m)
}

// await returns the next frame of one of the given types and passes over others.
func (p *peer) await(t *testing.T, types ...string) *message {
	t.Helper()
	for {
		m, err := p.hear()
		if err != nil {
			t.Fatalf("while waiting for %s: %v", strings.Join(types, " or "), err)
		}
		if slices.Contains(types, m.Type) {
			return m
		}
	}
}

// readLog reads all of a document over HTTP, as NDJSON.
func readLog(ctx context.Context, relay *process, doc string) ([]operation, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+relay.addr+"/v1/docs/"+doc+"/ops", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("read log: " + resp.Status)
	}
	var ops []operation
	lines := json.NewDecoder(resp.Body)
	for {
		var o operation
		if err := lines.Decode(&o); errors.Is(err, io.EOF) {
			return ops, nil
		} else if err != nil {
			return ops, err // a stream that was broken off ends in another error
		}
		ops = append(ops, o)
	}
}
