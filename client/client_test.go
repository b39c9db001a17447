package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/wire"
)

func TestTwoEditOneDocument(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	first := appendOp(t, a, `{ "n" : 1 }`)
	saved(t, a)
	ops := receiveOps(t, b, 1)
	if got, want := payloads(ops), `{"n":1}`; got != want || ops[0].Dot != first {
		t.Errorf("b received %v %s, want %v %s", ops[0].Dot, got, first, want)
	}
	second := appendOp(t, b, `2`)
	third := appendOp(t, b, `3`)
	ops = receiveOps(t, a, 2)
	if got, want := ops[0].Clock, clock.VectorOf(first); got.Compare(want) != clock.Equal {
		t.Errorf("%v names %v, want %v", second, got, want)
	}
	if got := ops[1].Clock; got.Len() != 0 {
		t.Errorf("%v names %v, which %v implies", third, got, second)
	}
	saved(t, b)
	want := clock.VectorOf(first, third)
	for name, d := range map[string]*client.Doc{"a": a, "b": b} {
		if got := d.Clock(); got.Compare(want) != clock.Equal {
			t.Errorf("%s has %v, want %v", name, got, want)
		}
	}
	if got := b.Outbox(); len(got.Ops) != 0 || got.Next != 3 {
		t.Errorf("outbox of b is %+v", got)
	}
}

func TestLateJoinGetsEverything(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	const n = 3000
	for i := range n {
		appendOp(t, a, `%d`, i)
	}
	saved(t, a)
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	var ops []oplog.Entry
	receive(t, b, func(u client.Update) bool {
		ops = append(ops, u.Ops...)
		return isLive(u)
	})
	if len(ops) != n || ops[n-1].Seq != n || string(ops[n-1].Payload) != "2999" {
		t.Errorf("late join got %d ops, want %d", len(ops), n)
	}
	if got := b.Place(); got.Offset != ops[n-1].Offset || got.Epoch == "" || got.Heads.Len() != 1 {
		t.Errorf("place is %+v", got)
	}
}

// What one run kept is enough for the next: the place, the actor and what was
// not saved.
func TestPlaceAndOutboxGoOn(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	other := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	conn := dial(t, url, client.Options{})
	a := join(t, conn, "notes", client.JoinOptions{})
	appendOp(t, other, `"before"`)
	receiveOps(t, a, 1)
	appendOp(t, a, `"saved"`)
	saved(t, a)
	place := a.Place()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(t.Context(), raw("1")); !errors.Is(err, client.ErrClosed) {
		t.Errorf("append after close is %v", err)
	}
	kept := a.Outbox()
	kept.Next++
	kept.Ops = append(kept.Ops, `{"actor":"`+string(a.Actor())+`","seq":2,"clock":{},"payload":"kept"}`)
	appendOp(t, other, `"meanwhile"`)
	saved(t, other)

	again := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{Since: place, Outbox: kept})
	if got := payloads(receiveOps(t, again, 1)); got != `"meanwhile"` {
		t.Errorf("after the second join came %s", got)
	}
	if dot := appendOp(t, again, `"new"`); dot.Actor != kept.Actor || dot.Seq != 3 {
		t.Errorf("the next op is %v, want %s:3", dot, kept.Actor)
	}
	saved(t, again)
	if got, want := payloads(receiveOps(t, other, 3)), `"saved""kept""new"`; got != want {
		t.Errorf("the other received %s, want %s", got, want)
	}
}

func TestManyDocumentsOnOneSocket(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	writer, reader := dial(t, url, client.Options{}), dial(t, url, client.Options{})
	for _, name := range []oplog.DocID{"a", "b", "c"} {
		w := join(t, writer, name, client.JoinOptions{NoOps: true})
		r := join(t, reader, name, client.JoinOptions{})
		appendOp(t, w, `"%s"`, name)
		saved(t, w)
		if got := payloads(receiveOps(t, r, 1)); got != `"`+string(name)+`"` {
			t.Errorf("%s received %s", name, got)
		}
		if name == "b" {
			r.Leave()
			for u, err := range r.Updates(testContext(t)) {
				if err != nil || u.Ops != nil {
					t.Errorf("after leave came %+v, %v", u, err)
				}
			}
			r = join(t, reader, name, client.JoinOptions{Since: r.Place()})
			appendOp(t, w, `"again"`)
			if got := payloads(receiveOps(t, r, 1)); got != `"again"` {
				t.Errorf("after the second join came %s", got)
			}
		}
	}
	if _, err := reader.Join(t.Context(), "a", client.JoinOptions{}); err == nil {
		t.Error("a document was entered twice")
	}
}

func TestJoinRefused(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{Format: "yjs"})
	appendOp(t, a, `"AAA="`)
	saved(t, a)
	_, err := dial(t, url, client.Options{}).Join(testContext(t), "notes", client.JoinOptions{Format: "automerge"})
	if end, ok := errors.AsType[*client.EndError](err); !ok || end.Code != wire.Format || end.Doc != "notes" {
		t.Errorf("join with another format is %v", err)
	}
	if _, err := a.Append(t.Context(), raw(`{`)); err == nil {
		t.Error("half a value was appended")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Dial(ctx, url, client.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("dial with an ended context is %v", err)
	}
}

// Somebody else writes as the same actor: the ops come back, under a name of
// one's own they can go out again.
func TestConflictGivesANewActor(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{Outbox: client.Outbox{Actor: "twin", Next: 1}})
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{NoOps: true, Outbox: client.Outbox{Actor: "twin", Next: 1}})
	appendOp(t, a, `"a"`)
	saved(t, a)
	appendOp(t, b, `"b1"`)
	appendOp(t, b, `"b2"`)
	err := b.Saved(testContext(t))
	refused, ok := errors.AsType[*client.Refused](err)
	if !ok || refused.Code != wire.Conflict || len(refused.Unsaved) != 2 || refused.Actor == "twin" || b.Actor() != refused.Actor {
		t.Fatalf("saved is %v (%+v)", err, refused)
	}
	for _, op := range refused.Unsaved {
		appendOp(t, b, "%s", op.Payload)
	}
	saved(t, b)
	if got := payloads(receiveOps(t, a, 2)); got != `"b1""b2"` {
		t.Errorf("a received %s", got)
	}
	receive(t, b, func(u client.Update) bool { return u.Refused == refused })
	// The twin that hears an op it did not make takes a new actor too.
	c := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{Outbox: client.Outbox{Actor: "twin", Next: 2}})
	appendOp(t, c, `"c"`)
	receive(t, a, func(u client.Update) bool {
		return u.Refused != nil && u.Refused.Code == wire.Conflict && a.Actor() != "twin"
	})
}

// Whatever a payload is, it arrives byte for byte, but for white space outside
// strings.
func TestPayloadsAreKeptByteForByte(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	for sent, want := range map[string]string{
		`null`: `null`, ` "a  b\t" `: `"a  b\t"`, `1.0`: `1.0`, `-0`: `-0`, `1E+05`: `1E+05`,
		`12345678901234567890`: `12345678901234567890`,
		`"\u003c<\/\u00e9é"`:   `"\u003c<\/\u00e9é"`,
		`"\ud83d cut"`:         `"\ud83d cut"`,
		`{"x":1, "x":2}`:       `{"x":1,"x":2}`,
		"[ 1,\n{ } ]":          `[1,{}]`,
	} {
		appendOp(t, a, "%s", sent)
		if got := payloads(receiveOps(t, b, 1)); got != want {
			t.Errorf("%s arrives as %s, want %s", sent, got, want)
		}
	}
	if err := b.SetPresence(raw(`{"name":"\ud83d", "b":"\u003c"}`)); err != nil {
		t.Fatal(err)
	}
	receive(t, a, func(u client.Update) bool {
		for _, who := range u.Presence {
			if who != nil && string(who.State) == `{"name":"\ud83d","b":"\u003c"}` {
				return true
			}
		}
		return false
	})
	for _, bad := range []string{``, `{`, `1 2`, "\"\xff\"", `"\x"`, `nul`} {
		if _, err := a.Append(t.Context(), raw(bad)); err == nil {
			t.Errorf("%q was appended", bad)
		}
	}
}

// A clock alone is enough to go on from: only what it does not cover comes.
func TestClockAloneGoesOn(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	for i := range 20 {
		appendOp(t, a, `"a%d"`, i)
		appendOp(t, b, `"b%d"`, i)
	}
	saved(t, a)
	saved(t, b)
	since := client.Place{Clock: clock.VectorOf(clock.Dot{Actor: a.Actor(), Seq: 20}, clock.Dot{Actor: b.Actor(), Seq: 17})}
	c := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{Since: since})
	var got string
	receive(t, c, func(u client.Update) bool {
		got += payloads(u.Ops)
		return isLive(u)
	})
	if want := `"b17""b18""b19"`; got != want {
		t.Errorf("received %s, want %s", got, want)
	}
	if s := c.Status(); s.State != client.Live || len(s.Access) == 0 {
		t.Errorf("status is %+v", s)
	}
}
