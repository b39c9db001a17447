package client_test

import (
	"maps"
	"testing"
	"testing/synctest"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/relay"
)

func TestPresenceAndEvents(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	ca, cb := dial(t, url, client.Options{}), dial(t, url, client.Options{})
	a := join(t, ca, "notes", client.JoinOptions{})
	b := join(t, cb, "notes", client.JoinOptions{})
	sa, sb := ca.Welcome().Session, cb.Welcome().Session
	if err := a.SetPresence(raw(`{"cursor": [1, 2]}`)); err != nil {
		t.Fatal(err)
	}
	receive(t, b, func(u client.Update) bool {
		p := u.Presence[sa]
		if _, own := u.Presence[sb]; own {
			t.Errorf("b heard of itself: %v", u.Presence)
		}
		return p != nil && string(p.State) == `{"cursor":[1,2]}`
	})
	if got := b.Participants(); len(got) != 1 || string(got[sa].State) != `{"cursor":[1,2]}` {
		t.Errorf("participants are %v", got)
	}
	if err := b.Publish("wave", raw(`"👋"`)); err != nil {
		t.Fatal(err)
	}
	receive(t, a, func(u client.Update) bool {
		return u.Event != nil && u.Event.Name == "wave" && u.Event.Session == sb && string(u.Event.Data) == `"👋"`
	})
	if err := a.SetPresence(nil); err != nil {
		t.Fatal(err)
	}
	receive(t, b, func(u client.Update) bool { p := u.Presence[sa]; return p != nil && p.State == nil })
	if err := ca.Close(); err != nil {
		t.Fatal(err)
	}
	receive(t, b, func(u client.Update) bool { p, told := u.Presence[sa]; return told && p == nil })
	if err := a.SetPresence(raw(`[]`)); err == nil {
		t.Error("a state that is no object was taken")
	}
}

// After a cut the own state is shown again, and who left meanwhile is told:
// the first frame after a join is the whole room.
func TestPresenceAfterACut(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	if err := d.SetPresence(raw(`{"x":1}`)); err != nil {
		t.Fatal(err)
	}
	if got := string(p.expect("presence").State); got != `{"x":1}` {
		t.Errorf("the client shows %s", got)
	}
	p.say(`{"type":"presence","doc":"d","states":{"s1":{"state":{"x":1}},"u":{"user":{"id":"u"}},"v":{"state":{"y":1}}}}`)
	receive(t, d, func(u client.Update) bool { return u.Presence["u"] != nil && u.Presence["u"].User.ID == "u" })
	_ = p.ws.Close()
	again := s.accept()
	again.joined(fresh)
	if got := string(again.expect("presence").State); got != `{"x":1}` {
		t.Errorf("after the cut the client shows %s", got)
	}
	again.say(`{"type":"presence","doc":"d","states":{"v":{"state":{"y":2}}}}`)
	again.say(`{"type":"presence","doc":"d","states":{"w":{}}}`)
	changed := map[string]*client.Participant{}
	receive(t, d, func(u client.Update) bool {
		maps.Copy(changed, u.Presence)
		return changed["w"] != nil
	})
	if gone, told := changed["u"]; !told || gone != nil {
		t.Errorf("the changes are %v, want u gone", changed)
	}
	if room := d.Participants(); len(room) != 2 || string(room["v"].State) != `{"y":2}` {
		t.Errorf("the room is %v", room)
	}
}

// However many states come while nobody receives, only the newest waits.
func TestPresenceDoesNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		d, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		receive(t, d, func(u client.Update) bool { return u.Status != nil })
		for i := range 100 {
			p.say(`{"type":"presence","doc":"d","states":{"u":{"state":{"n":%d}}}}`, i)
		}
		synctest.Wait()
		u, err := d.Next(t.Context())
		if err != nil || len(u.Presence) != 1 || string(u.Presence["u"].State) != `{"n":99}` {
			t.Errorf("received %+v, %v; want the newest state", u, err)
		}
		// Ops and presence take turns: neither waits for the other to end.
		p.sayOps(op(1, "x", 1, "{}"))
		p.say(`{"type":"presence","doc":"d","states":{"u":null}}`)
		p.sayOps(op(2, "x", 2, "{}"))
		synctest.Wait()
		if u, _ = d.Next(t.Context()); len(u.Ops) != 1 {
			t.Errorf("first came %+v, want an op", u)
		}
		if u, _ = d.Next(t.Context()); len(u.Presence) != 1 || u.Presence["u"] != nil {
			t.Errorf("then came %+v, want a participant gone", u)
		}
	})
}
