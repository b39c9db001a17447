package client

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/baton-relay/baton/relay/wire"
)

// presence is who else is in a document, and what the caller was not told of
// it yet: however many changes come, only the newest of each participant waits.
// Guarded by the connection's lock.
type presence struct {
	room    map[string]*Participant // by session; the participants are not changed
	changed map[string]*Participant
	begun   bool // the first frame after joined came
	told    bool // the last update was of presence

	state  []byte // the own state as JSON text, nil if there is none
	unsent bool
}

// apply takes what a frame says of all but the own session.
func (p *presence) apply(states map[string]*state, own string) {
	if p.changed == nil {
		p.changed = map[string]*Participant{}
	}
	if p.room == nil {
		p.room = map[string]*Participant{}
	}
	if !p.begun {
		// The first frame is the whole room: who is not in it is gone.
		p.begun = true
		for session := range p.room {
			if _, there := states[session]; !there {
				p.changed[session] = nil
				delete(p.room, session)
			}
		}
	}
	for session, s := range states {
		switch {
		case session == own:
		case s == nil:
			if _, there := p.room[session]; there {
				p.changed[session] = nil
			}
			delete(p.room, session)
		default:
			who := &Participant{User: s.User}
			if string(s.State) != "null" {
				who.State = json.RawMessage(s.State)
			}
			p.room[session], p.changed[session] = who, who
		}
	}
}

// due reports whether changes are to be received next: alone, or in turn with
// what else waits.
func (p *presence) due(alone bool) bool {
	due := len(p.changed) > 0 && (alone || !p.told)
	p.told = due
	return due
}

func (p *presence) changes() map[string]*Participant {
	changed := p.changed
	p.changed = nil
	return changed
}

// SetPresence shows a state to the document's other participants, in place of
// the last; nil takes it away. state is a JSON object. Only the newest one is
// sent, and again after a cut.
func (d *Doc) SetPresence(state json.RawMessage) error {
	c := d.conn
	var text []byte
	if state != nil && string(state) != "null" {
		var err error
		if text, err = compact(state); err != nil {
			return fmt.Errorf("set presence: %w", err)
		}
		if text[0] != '{' {
			return fmt.Errorf("set presence: %.40q is not an object", text)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := d.ephemeral(len(text)); err != nil {
		return fmt.Errorf("set presence: %w", err)
	}
	d.presence.state, d.presence.unsent = text, true
	c.poke()
	return nil
}

// ephemeral says what is against sending a state or event of this size.
func (d *Doc) ephemeral(size int) error {
	switch limit := d.conn.lastWelcome.Limits.PresenceBytes; {
	case d.end != nil:
		return d.end
	case limit > 0 && size > limit:
		return fmt.Errorf("%w: %d bytes, not %d", ErrTooLarge, limit, size)
	}
	return nil
}

// Participants returns who else is in the document, by session, as of the last
// word of the relay. It is empty for a Doc without presence.
func (d *Doc) Participants() map[string]Participant {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	room := make(map[string]Participant, len(d.presence.room))
	for session, who := range maps.All(d.presence.room) {
		room[session] = *who
	}
	return room
}

// Publish sends an event to whoever is there: in order, but at most once. While
// there is no connection it goes nowhere. data is a JSON value or nil.
func (d *Doc) Publish(name string, data json.RawMessage) error {
	var text []byte
	if data != nil {
		var err error
		if text, err = compact(data); err != nil {
			return fmt.Errorf("publish event: %w", err)
		}
	}
	if name == "" || len(name) > 128 {
		return fmt.Errorf("publish event: name %.140q must have 1 to 128 bytes", name)
	}
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	if err := d.ephemeral(len(text)); err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	if d.stage == inside {
		d.conn.send(&eventFrame{Type: wire.TypeEvent, ID: idEvent, Doc: d.name, Name: name, Data: text})
	}
	return nil
}
