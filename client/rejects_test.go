package client_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/relay/wire"
)

const (
	op1 = `{"actor":"me","seq":1,"clock":{},"payload":1}`
	op2 = `{"actor":"me","seq":2,"clock":{},"payload":2}`
	op3 = `{"actor":"me","seq":3,"clock":{},"payload":3}`
	op4 = `{"actor":"me","seq":4,"clock":{},"payload":4}`
)

func sendFour(t *testing.T, d *client.Doc, p *side) {
	t.Helper()
	for i := 1; i <= 4; i++ {
		appendOp(t, d, `%d`, i)
	}
	for n := 0; n < 4; {
		n += len(p.expect("ops").Ops)
	}
}

// After a reject that is not final the same bytes come again: the rejected op's
// frame first and alone, the rest when that is acked.
func TestRejectsThatAskToSendAgain(t *testing.T) {
	noLeaks(t)
	for name, rejects := range map[string][]string{
		"rate_limited": {
			`{"type":"reject","doc":"d","actor":"me","seq":1,"code":"rate_limited","message":"","retry_ms":2}`,
			`{"type":"reject","doc":"d","actor":"me","seq":4,"code":"gap","expected":1,"message":""}`,
		},
		"unavailable": {`{"type":"reject","doc":"d","actor":"me","seq":1,"code":"unavailable","message":"","retry_ms":2}`},
		"gap": {
			`{"type":"reject","doc":"d","actor":"me","seq":2,"code":"gap","expected":1,"message":""}`,
			`{"type":"reject","doc":"d","actor":"me","seq":4,"code":"gap","expected":1,"message":""}`,
		},
		"missing":           {`{"type":"reject","doc":"d","actor":"me","seq":1,"code":"missing","missing":{"x":9},"message":""}`},
		"frame refused":     {`{"type":"error","doc":"d","id":"ops:1","code":"rate_limited","message":"","retry_ms":2}`},
		"frame unavailable": {`{"type":"error","doc":"d","id":"ops:1","code":"unavailable","message":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := startScript(t, nil)
			d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
			sendFour(t, d, p)
			for _, r := range rejects {
				p.say("%s", r)
			}
			if got, want := p.ops(), op1+" "+op2+" "+op3; got != want {
				t.Fatalf("again came %s, want %s", got, want)
			}
			nothingElse(t, d, p)
			p.say(`{"type":"ack","doc":"d","actor":"me","seq":3,"offset":3}`)
			if got := p.ops(); got != op4 {
				t.Fatalf("then came %s, want %s", got, op4)
			}
			p.say(`{"type":"ack","doc":"d","actor":"me","seq":4,"offset":4}`)
			saved(t, d)
		})
	}
}

// An op that names missing ones goes again as soon as those came.
func TestMissingOpsEndTheWait(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	appendOp(t, d, `1`)
	p.ops()
	p.say(`{"type":"reject","doc":"d","actor":"me","seq":1,"code":"missing","missing":{"x":2},"message":""}`)
	p.sayOps(op(1, "x", 1, "{}"), op(2, "x", 2, "{}"))
	receiveOps(t, d, 2)
	if got := p.ops(); got != op1 {
		t.Errorf("again came %s", got)
	}
}

// A reject that is final gives the op and what was made after it back, and the
// rest goes on as a new actor.
func TestFinalRejects(t *testing.T) {
	noLeaks(t)
	for _, code := range []wire.Code{wire.TooLarge, wire.Invalid, wire.Forbidden, wire.Closed, wire.Conflict} {
		t.Run(string(code), func(t *testing.T) {
			s := startScript(t, nil)
			d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
			sendFour(t, d, p)
			p.say(`{"type":"ack","doc":"d","actor":"me","seq":2,"offset":2}`)
			p.say(`{"type":"reject","doc":"d","actor":"me","seq":3,"code":%q,"message":"no"}`, code)
			p.say(`{"type":"reject","doc":"d","actor":"me","seq":4,"code":"gap","expected":3,"message":""}`)
			var refused *client.Refused
			receive(t, d, func(u client.Update) bool { refused = u.Refused; return refused != nil })
			if refused.Code != code || refused.Op.Seq != 3 || len(refused.Unsaved) != 2 || string(refused.Unsaved[1].Payload) != "4" {
				t.Errorf("refused is %+v", refused)
			}
			dot := appendOp(t, d, `5`)
			want := `{"actor":"` + string(refused.Actor) + `","seq":1,"clock":{"me":2},"payload":5}`
			if got := p.ops(); got != want || dot.Actor != refused.Actor {
				t.Errorf("the new actor sent %s, want %s", got, want)
			}
		})
	}
}

func TestAckedLogThatFallsBackIsRefused(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	sendFour(t, d, p)
	p.say(`{"type":"ack","doc":"d","actor":"me","seq":2,"offset":2}`)
	p.say(`{"type":"reject","doc":"d","actor":"me","seq":3,"code":"gap","expected":1,"message":""}`)
	if _, ok := errors.AsType[*client.Refused](d.Saved(testContext(t))); !ok {
		t.Error("a log that lost acked ops goes unnoticed")
	}
}

// A refusal that came before anybody asked is told all the same, once.
func TestSavedTellsOfEarlierRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		d, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		refuse := func() {
			appendOp(t, d, `1`)
			p.ops()
			p.say(`{"type":"reject","doc":"d","actor":%q,"seq":1,"code":"invalid","message":"no"}`, d.Actor())
			synctest.Wait()
		}
		refuse()
		if _, ok := errors.AsType[*client.Refused](d.Saved(t.Context())); !ok {
			t.Error("the refusal goes unnoticed")
		}
		saved(t, d)
		refuse()
		receive(t, d, func(u client.Update) bool { return u.Refused != nil && u.Refused.Actor == d.Actor() })
		saved(t, d)
	})
}

// After a cut the outbox goes again from the first op that was not acked, in
// the same bytes, whatever was received meanwhile.
func TestOutboxKeepsItsBytes(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	sendFour(t, d, p)
	p.say(`{"type":"ack","doc":"d","actor":"me","seq":1,"offset":1}`)
	p.sayOps(op(2, "x", 1, `{"me":1}`))
	receiveOps(t, d, 1)
	_ = p.ws.Close()
	again := s.accept()
	f := again.joined(`"epoch":"e1","head":3,"first":1,"from":2`)
	if f.Since == nil || f.Since.Offset != 2 || f.Since.Epoch != "e1" || len(f.Since.Clock) != 2 || f.Since.Clock["me"] != 1 {
		t.Errorf("the second join has since %+v", f.Since)
	}
	if got, want := again.ops(), op2+" "+op3+" "+op4; got != want {
		t.Errorf("again came %s, want %s", got, want)
	}
	// Op 2 had been taken before the cut: it comes with the ops, and later its
	// retry is acked. Both say the same.
	again.sayOps(`{"offset":3,"actor":"me","seq":2,"clock":{},"at":1,"payload":2}`)
	again.say(`{"type":"ack","doc":"d","actor":"me","seq":4,"offset":5}`)
	again.say(`{"type":"live","doc":"d","offset":5}`)
	saved(t, d)
	receive(t, d, func(u client.Update) bool {
		if u.Ops != nil {
			t.Errorf("own ops were received: %v", u.Ops)
		}
		return isLive(u)
	})
	if got := d.Place(); got.Offset != 5 || got.Clock.Get("me") != 4 {
		t.Errorf("place is %+v", got)
	}
}

func TestLimitsAreCheckedBefore(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	big := make([]byte, 1100)
	for i := range big {
		big[i] = '1'
	}
	if _, err := d.Append(t.Context(), big); !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("a large op is %v", err)
	}
	if err := d.Publish("e", big[:600]); !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("a large event is %v", err)
	}
	p.say(`{"type":"access","doc":"d","access":["read"]}`)
	receive(t, d, func(u client.Update) bool { return u.Status != nil && len(u.Status.Access) == 1 })
	if _, err := d.Append(t.Context(), raw("1")); !errors.Is(err, client.ErrNoAccess) {
		t.Errorf("an op without the right is %v", err)
	}
}
