package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/baton-relay/baton/clock"
)

// Append puts an op into the outbox, behind those that are there, and returns
// its name. Its clock names what the caller has received. payload is any JSON
// value; the op is kept in memory until the relay has it. Append blocks while
// Options.MaxUnsaved ops wait for their acks.
//
// Errors: [ErrTooLarge], [ErrNoAccess], why the Doc ended, that of ctx.
func (d *Doc) Append(ctx context.Context, payload json.RawMessage) (clock.Dot, error) {
	text, err := compact(payload)
	if err != nil {
		return clock.Dot{}, fmt.Errorf("append op: %w", err)
	}
	c := d.conn
	for {
		c.mu.Lock()
		switch {
		case d.end != nil:
			err = d.end
		case d.access != nil && !slices.Contains(d.access, "write"):
			err = ErrNoAccess
		}
		if err != nil || len(d.out.ops) < c.opts.MaxUnsaved {
			break
		}
		if err := d.awaitSettled(ctx); err != nil {
			return clock.Dot{}, fmt.Errorf("append op: %w", err)
		}
	}
	defer c.mu.Unlock()
	if err == nil {
		err = d.add(text)
	}
	if err != nil {
		return clock.Dot{}, fmt.Errorf("append op: %w", err)
	}
	return d.out.newest(), nil
}

// add puts an op into the outbox. conn.mu is held.
func (d *Doc) add(payload []byte) error {
	limits := &d.conn.lastWelcome.Limits
	names, clipped := d.place.seen.name(d.out.actor, limits.ClockEntries)
	out := d.out.encode(names, payload)
	if limits.OpBytes > 0 && len(payload)+len(names.AppendJSON(nil)) > limits.OpBytes || limits.FrameBytes > 0 && len(out.text)+512 > limits.FrameBytes {
		return fmt.Errorf("%w: the op has %d bytes", ErrTooLarge, len(out.text))
	}
	if clipped {
		// The ops left out came before this one all the same, by their place in
		// the log; only their order by clocks is not told.
		d.conn.log.Warn("op names fewer ops than were seen", "doc", d.name, "limit", limits.ClockEntries)
	}
	d.place.seen.named()
	d.out.add(out)
	d.appended++
	d.conn.poke()
	return nil
}

// compact returns a value as the relay keeps it.
func compact(value []byte) ([]byte, error) {
	v := jsontext.Value(slices.Clone(value))
	if !utf8.Valid(v) || !v.IsValid(lenient) {
		return nil, fmt.Errorf("%.40q is not one JSON value in UTF-8", value)
	}
	err := v.Compact(lenient)
	return v, err
}

// awaitSettled waits for the next ack, refusal or end. conn.mu is held, and is
// not when it returns. While it waits the socket is read however much has not
// been received: the acks are behind it.
func (d *Doc) awaitSettled(ctx context.Context) error {
	next := d.settling.next()
	d.waiters++
	d.inbox.drained.fire()
	d.conn.mu.Unlock()
	var err error
	select {
	case <-next:
	case <-ctx.Done():
		err = ctx.Err()
	}
	d.conn.mu.Lock()
	d.waiters--
	d.conn.mu.Unlock()
	return err
}

// Saved waits until all ops that were appended before are durable. Where some
// were refused, and no update told so yet, the error is their [*Refused].
func (d *Doc) Saved(ctx context.Context) error {
	c := d.conn
	c.mu.Lock()
	w := &saving{until: d.appended, refused: d.untold}
	d.saving = append(d.saving, w)
	var err error
	for err == nil && w.refused == nil && d.settled < w.until && d.end == nil {
		err = d.awaitSettled(ctx)
		c.mu.Lock()
	}
	d.saving = slices.DeleteFunc(d.saving, func(o *saving) bool { return o == w })
	switch {
	case w.refused != nil:
		err = w.refused
		d.told(w.refused)
	case d.settled >= w.until:
		err = nil
	case err == nil:
		err = d.end
	}
	c.mu.Unlock()
	return err
}

// saving is a call of [Doc.Saved].
type saving struct {
	until   uint64   // how many ops must be settled
	refused *Refused // why some of them never will be saved
}

// told notes that the caller knows of a refusal.
func (d *Doc) told(r *Refused) {
	if d.untold == r {
		d.untold = nil
	}
}

// Resend lets the outbox go to a document that [Update.Diverged] told about.
func (d *Doc) Resend() {
	d.conn.mu.Lock()
	d.withheld = false
	d.conn.poke()
	d.conn.mu.Unlock()
}

// Outbox returns what is not saved, to be kept and given to a later Join.
func (d *Doc) Outbox() Outbox {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	return d.out.keep()
}
