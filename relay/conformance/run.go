package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/gorilla/websocket"
)

// run is one dialogue being spoken: what it knows and who is connected.
type run struct {
	*target
	values values
	peers  map[string]*peer
}

func newRun(t *target, doc string) *run {
	r := &run{target: t, values: values{}, peers: map[string]*peer{}}
	r.values.str("doc", doc)
	for name, token := range t.cfg.Tokens {
		r.values.str("token_"+name, token)
	}
	return r
}

func (r *run) end() {
	for _, p := range r.peers {
		p.close()
	}
}

// token returns the token that "as NAME" means; quoted names are tokens.
func (r *run) token(name string) (string, error) {
	switch literal, isLiteral := strings.CutPrefix(name, `"`); {
	case isLiteral:
		return strings.TrimSuffix(literal, `"`), nil
	case name == "":
		return r.cfg.Tokens["writer"], nil
	case name == "nobody":
		return "", nil
	}
	token, ok := r.cfg.Tokens[name]
	if !ok {
		return "", fmt.Errorf("no token is called %q: the dialogue should need it", name)
	}
	return token, nil
}

// connect opens a connection and reads its welcome.
func (r *run) connect(ctx context.Context, name, as string) error {
	token, err := r.token(as)
	if err != nil {
		return err
	}
	p, resp, err := open(ctx, r.ws, dial{token: token, offers: []string{"baton.v1"}}, r.cfg.OnFrame)
	if err != nil && resp != nil {
		return fmt.Errorf("%w: %s", err, resp.Status)
	}
	if err != nil {
		return err
	}
	r.add(name, p)
	welcome, err := r.next(ctx, name)
	if err != nil {
		return err
	}
	var w struct {
		Type    string                     `json:"type"`
		Session string                     `json:"session"`
		Replace string                     `json:"replace"`
		Limits  map[string]json.RawMessage `json:"limits"`
	}
	if err := json.Unmarshal(welcome, &w); err != nil || w.Type != "welcome" {
		return fmt.Errorf("%s came, not welcome", short(welcome))
	}
	r.values.str(name+".session", w.Session)
	r.values.str(name+".replace", w.Replace)
	maps.Copy(r.values, w.Limits)
	return nil
}

// add puts a peer under its name; one of that name before is closed.
func (r *run) add(name string, p *peer) {
	if old := r.peers[name]; old != nil {
		old.close()
	}
	r.peers[name] = p
}

func (r *run) peer(name string) (*peer, error) {
	p, ok := r.peers[name]
	if !ok {
		return nil, fmt.Errorf("%s is not connected", name)
	}
	return p, nil
}

// next returns the next frame of a connection, or why there is none.
func (r *run) next(ctx context.Context, name string) (json.RawMessage, error) {
	p, err := r.peer(name)
	if err != nil {
		return nil, err
	}
	f, err := p.next(ctx, r.cfg.Wait)
	return f, ending(err)
}

// ending says in words why nothing more came.
func ending(err error) error {
	closed, ok := errors.AsType[*websocket.CloseError](err)
	switch {
	case ok && closed.Code == websocket.CloseAbnormalClosure:
		return errors.New("the connection broke without a close code")
	case ok:
		return fmt.Errorf("the connection was closed: %d %q", closed.Code, closed.Text)
	}
	return err
}

// like reports whether a frame is like a pattern; only then are the values that
// it names kept.
func (r *run) like(p pattern, frame json.RawMessage, what string) error {
	trial := maps.Clone(r.values)
	if err := trial.match(p, frame, what); err != nil {
		return err
	}
	r.values = trial
	return nil
}

// typeOf returns the type of a frame.
func typeOf(frame json.RawMessage) string {
	var f struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(frame, &f) // no object has no type
	return f.Type
}
