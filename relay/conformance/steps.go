package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// connectStep is "A connect as NAME", and with a document "A joins DOC".
type connectStep struct{ name, as, doc string }

func (s connectStep) do(ctx context.Context, r *run) error {
	if r.peers[s.name] == nil || s.doc == "" {
		if err := r.connect(ctx, s.name, s.as); err != nil {
			return err
		}
	}
	if s.doc == "" {
		return nil
	}
	doc, err := r.values.expand(s.doc)
	if err != nil {
		return err
	}
	if err := r.peers[s.name].send(fmt.Appendf(nil, `{"type":"join","doc":%q,"channels":["ops"]}`, doc)); err != nil {
		return err
	}
	live := map[string]any{"type": "live", "doc": doc}
	return expectStep{name: s.name, want: live, skip: true}.do(ctx, r)
}

// sendStep is "A> TEXT", "A>*N TEXT" and "A>> "TEXT"".
type sendStep struct {
	name, text string
	times      string // empty: once, without $i
	raw        bool   // nothing is expanded
}

func (s sendStep) do(_ context.Context, r *run) error {
	p, err := r.peer(s.name)
	if err != nil {
		return err
	}
	if s.raw {
		return p.send([]byte(s.text))
	}
	times := 1
	if s.times != "" {
		if times, err = r.values.number(s.times); err != nil {
			return err
		}
	}
	for i := range times {
		if s.times != "" {
			r.values["i"] = json.RawMessage(strconv.Itoa(i + 1))
		}
		text, err := r.values.expand(s.text)
		if err != nil {
			return err
		}
		if err := p.send([]byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// expectStep is "A< PATTERN" and "A<... PATTERN".
type expectStep struct {
	name  string
	want  pattern
	skip  bool
	types []string // that are skipped; empty: all
}

func (s expectStep) do(ctx context.Context, r *run) error {
	skipped := 0
	deadline := time.Now().Add(r.cfg.Wait)
	for {
		f, err := r.next(ctx, s.name)
		if err != nil {
			return fmt.Errorf("%w (after %d other frames)", err, skipped)
		}
		err = r.like(s.want, f, "frame")
		if err == nil {
			return nil
		}
		skippable := s.skip && (len(s.types) == 0 || slices.Contains(s.types, typeOf(f)))
		if !skippable || time.Now().After(deadline) {
			return fmt.Errorf("came: %s\n%w (after %d other frames)", short(f), err, skipped)
		}
		skipped++
	}
}

// quietStep is "A~ 200ms" and "A~ 200ms ops,ack".
type quietStep struct {
	name  string
	long  time.Duration
	types []string // that must not come; empty: any
}

func (s quietStep) do(ctx context.Context, r *run) error {
	p, err := r.peer(s.name)
	if err != nil {
		return err
	}
	end := time.Now().Add(s.long)
	for {
		f, err := p.next(ctx, max(time.Until(end), 0))
		switch {
		case errors.Is(err, errQuiet):
			return nil
		case err != nil:
			return ending(err)
		case len(s.types) == 0 || slices.Contains(s.types, typeOf(f)):
			return fmt.Errorf("came: %s", short(f))
		}
	}
}

// closedStep is "A! CODE".
type closedStep struct {
	name string
	code int // 0: any
}

func (s closedStep) do(ctx context.Context, r *run) error {
	p, err := r.peer(s.name)
	if err != nil {
		return err
	}
	for {
		f, err := p.next(ctx, r.cfg.Wait)
		closed, ok := errors.AsType[*websocket.CloseError](err)
		switch {
		case err == nil:
			if typeOf(f) == "error" { // the likeliest thing to come instead
				return fmt.Errorf("came: %s", short(f))
			}
		case s.code == 0 && !errors.Is(err, errQuiet) && ctx.Err() == nil, ok && closed.Code == s.code:
			p.close()
			delete(r.peers, s.name)
			return nil
		default:
			return ending(err)
		}
	}
}

// closeStep is "A close".
type closeStep struct{ name string }

func (s closeStep) do(_ context.Context, r *run) error {
	p, err := r.peer(s.name)
	if err != nil {
		return err
	}
	p.close()
	delete(r.peers, s.name)
	return nil
}

// orderStep is "A in order".
type orderStep struct{ name string }

func (s orderStep) do(_ context.Context, r *run) error {
	p, err := r.peer(s.name)
	if err != nil {
		return err
	}
	if broken := p.disorder(); broken != "" {
		return errors.New(broken)
	}
	return nil
}
