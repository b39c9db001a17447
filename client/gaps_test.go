package client_test

import (
	"errors"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/clock"
)

// Whatever way an op is missing, it is found out from clocks, and the document
// is asked for again from what the caller has.
func TestGapsAreFound(t *testing.T) {
	noLeaks(t)
	for name, c := range map[string]struct {
		say     func(p *side)
		missing clock.Vector
		op      clock.Dot
	}{
		"an actor's op": {
			func(p *side) { p.sayOps(op(2, "x", 3, "{}")) },
			clock.VectorOf(clock.Dot{Actor: "x", Seq: 2}),
			clock.Dot{Actor: "x", Seq: 3},
		},
		"an op that a clock names": {
			func(p *side) { p.sayOps(op(2, "x", 2, `{"y":4}`)) },
			clock.VectorOf(clock.Dot{Actor: "y", Seq: 4}),
			clock.Dot{Actor: "x", Seq: 2},
		},
		"an own op that was never made": {
			func(p *side) { p.sayOps(op(2, "x", 2, `{"me":4}`)) },
			clock.VectorOf(clock.Dot{Actor: "me", Seq: 4}),
			clock.Dot{Actor: "x", Seq: 2},
		},
		"the end of the catch-up": {
			func(p *side) { p.say(`{"type":"live","doc":"d","offset":9}`) },
			clock.VectorOf(clock.Dot{Actor: "x", Seq: 2}),
			clock.Dot{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startScript(t, nil)
			d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh+`,"clock":{"x":2}`)
			p.sayOps(op(1, "x", 1, "{}"))
			receiveOps(t, d, 1)
			c.say(p)
			p.sayOps(op(20, "z", 1, "{}")) // of the stay that is over by then
			var gap *client.GapError
			receive(t, d, func(u client.Update) bool {
				if u.Status != nil && u.Status.State == client.Offline {
					gap, _ = errors.AsType[*client.GapError](u.Status.Err)
				}
				return gap != nil
			})
			if gap.Doc != "d" || gap.Op != c.op || gap.Missing.Compare(c.missing) != clock.Equal {
				t.Errorf("the gap is %v (%+v)", gap, gap)
			}
			p.expect("leave")
			f := p.joined(`"epoch":"e1","head":2,"first":1,"from":1,"clock":{"x":2}`)
			if f.Since == nil || f.Since.Offset != 0 || f.Since.Epoch != "" || f.Since.Clock["x"] != 1 {
				t.Errorf("the second join has since %+v, want only the clock", f.Since)
			}
			p.say(`{"type":"left","doc":"d","code":"left"}`)
			p.sayOps(op(2, "x", 2, "{}"))
			p.say(`{"type":"live","doc":"d","offset":2}`)
			receive(t, d, isLive)
			if got := d.Clock(); got.Compare(clock.VectorOf(clock.Dot{Actor: "x", Seq: 2})) != clock.Equal {
				t.Errorf("the clock is %v", got)
			}
		})
	}
}

// A relay that leaves the same op out twice has lost it.
func TestGapThatStaysIsAnError(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	p.sayOps(op(1, "x", 1, "{}"), op(3, "x", 3, "{}"))
	go func() {
		p.expect("leave")
		p.joined(fresh)
		p.sayOps(op(3, "x", 3, "{}"))
	}()
	var err error
	ops := 0
	for err == nil {
		var u client.Update
		u, err = d.Next(testContext(t))
		ops += len(u.Ops)
	}
	if gap, ok := errors.AsType[*client.GapError](err); !ok || gap.Missing.Get("x") != 2 || ops != 1 {
		t.Errorf("the stay ended with %v after %d ops", err, ops)
	}
}

// Ops that come again are dropped by name.
func TestDuplicatesAreDropped(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	p.sayOps(op(1, "x", 1, "{}"), op(2, "y", 1, `{"x":1}`), op(1, "x", 1, "{}"))
	p.sayOps(op(2, "y", 1, `{"x":1}`), op(3, "x", 2, "{}"))
	if got := payloads(receiveOps(t, d, 3)); got != `"x1""y1""x2"` {
		t.Errorf("received %s", got)
	}
}

// What of a document is gone without a snapshot cannot be proven; what follows
// can.
func TestPrunedWithoutSnapshot(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{NoSnapshot: true},
		`"epoch":"e1","head":8,"first":8,"from":7,"clock":{"x":8,"y":3}`)
	p.sayOps(op(8, "x", 8, `{"y":2}`))
	p.say(`{"type":"live","doc":"d","offset":8}`)
	p.sayOps(op(9, "y", 4, `{"x":8}`))
	p.sayOps(op(10, "y", 6, `{"x":8}`))
	if got := payloads(receiveOps(t, d, 2)); got != `"x8""y4"` {
		t.Errorf("received %s", got)
	}
	receive(t, d, func(u client.Update) bool { return u.Status != nil && u.Status.Err != nil })
}

// Another log under the old name: nothing is sent until the caller has decided.
func TestDivergence(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	p.sayOps(op(1, "x", 1, "{}"), op(2, "x", 2, "{}"))
	receiveOps(t, d, 2)
	appendOp(t, d, `1`)
	p.ops()
	_ = p.ws.Close()
	again := s.accept()
	again.joined(`"epoch":"e2","head":1,"first":1,"from":0,"clock":{"x":1},"lost":{"x":2}`)
	again.say(`{"type":"live","doc":"d","offset":1}`)
	var div *client.Divergence
	receive(t, d, func(u client.Update) bool { div = u.Diverged; return div != nil })
	if div.Was != "e1" || div.Is != "e2" || div.Lost.Get("x") != 2 {
		t.Errorf("divergence is %+v", div)
	}
	receive(t, d, isLive)
	nothingElse(t, d, again)
	d.Resend()
	if got := again.ops(); got != `{"actor":"me","seq":1,"clock":{"x":2},"payload":1}` {
		t.Errorf("after Resend came %s", got)
	}
	// The op that it names is lost; once somebody brought it, it is taken.
	again.say(`{"type":"reject","doc":"d","actor":"me","seq":1,"code":"missing","missing":{"x":2},"message":""}`)
	again.sayOps(op(2, "x", 2, "{}"))
	_ = again.ops()
	again.say(`{"type":"ack","doc":"d","actor":"me","seq":1,"offset":3}`)
	saved(t, d)
}

// The log lost own ops that were saved: they cannot be sent again from here.
func TestLostOwnOps(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	p.sayOps(op(1, "x", 1, "{}"))
	receiveOps(t, d, 1)
	for i := range 3 {
		appendOp(t, d, `%d`, i+1)
	}
	for n := 0; n < 3; {
		n += len(p.expect("ops").Ops)
	}
	p.say(`{"type":"ack","doc":"d","actor":"me","seq":2,"offset":3}`)
	_ = p.ws.Close()
	again := s.accept()
	again.joined(`"epoch":"e2","head":2,"first":1,"from":0,"clock":{"x":1,"me":1},"lost":{"me":2}`)
	var u client.Update
	receive(t, d, func(got client.Update) bool { u = got; return u.Diverged != nil })
	if u.Refused == nil || u.Refused.Op.Seq != 2 || len(u.Refused.Unsaved) != 1 || u.Diverged.Lost.Get("me") != 2 {
		t.Fatalf("update is %+v, %+v", u.Refused, u.Diverged)
	}
	appendOp(t, d, `"again"`)
	want := `{"actor":"` + string(u.Refused.Actor) + `","seq":1,"clock":{"me":1,"x":1},"payload":"again"}`
	if got := again.ops(); got != want {
		t.Errorf("the new actor sent %s, want %s", got, want)
	}
}
