package relay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// company is Ann and Bob, who may do everything, and Eve, who may only read.
func company() people {
	return people{"ann": {"*": auth.All}, "bob": {"*": auth.All}, "eve": {"*": auth.Read}}
}

// Each op here has several things against it; the first check in the contract's
// order is the one that answers: shape and size, right to write, known, owner,
// gap, missing.
func TestChecksComeInOrder(t *testing.T) {
	h := start(t, Config{Auth: company(), Limits: wire.Limits{OpBytes: 1000}})
	peers := map[string]*listener{"ann": h.live("ann", "d"), "bob": h.live("bob", "d"), "eve": h.live("eve", "d")}
	peers["ann"].ops("d", "a:1", "a:2", "z:1")
	peers["ann"].want("ack a:2@2", "ack z:1@3")
	peers["bob"].want("op a:1@1", "op a:2@2", "op z:1@3")
	peers["eve"].want("op a:1@1", "op a:2@2", "op z:1@3")
	large := `="` + strings.Repeat("x", 1000) + `"`
	tests := []struct{ who, op, want string }{
		{"eve", `{"actor":"a","seq":9,"clock":{"no":1}}`, "reject a:9 invalid"},
		{"eve", `{"actor":"a","seq":9,"clock":{"a":9},"payload":1}`, "reject a:9 invalid"},
		{"eve", "a:9{no:1}" + large, "reject a:9 too_large"},
		{"bob", "a:1" + large, "reject a:1 too_large"},
		{"eve", "a:1=0", "reject a:1 forbidden"},
		{"eve", "a:1", "reject a:1 forbidden"},
		{"eve", "a:9{no:1}", "reject a:9 forbidden"},
		{"bob", "a:1", "ack a:1@1"},
		{"bob", "a:2{no:1}", "ack a:2@2"}, // the clock is not compared
		{"bob", "z:1=0", "reject z:1 conflict"},
		{"bob", "a:9{no:1}", "reject a:9 forbidden"},
		{"bob", "a:3", "reject a:3 forbidden"},
		{"ann", "a:9{no:1}", "reject a:9 gap 3"},
		{"ann", "a:3{no:1,z:1,also:7}", "reject a:3 missing {also:7,no:1}"},
		{"ann", "a:3{z:1,a:2}", "ack a:3@4"},
	}
	for _, tt := range tests {
		peers[tt.who].ops("d", tt.op)
		if got := peers[tt.who].line(); got != tt.want {
			t.Errorf("%s sends %.80s: got %q, want %q", tt.who, tt.op, got, tt.want)
		}
	}
	for _, p := range peers {
		if p != peers["ann"] {
			p.want("op a:3@4")
		}
		p.quiet()
	}
}

func TestOneGapAFrameForEachActor(t *testing.T) {
	h := start(t, Config{})
	p := h.live("", "d")
	for range 2 {
		p.ops("d", "a:5", "b:2", "a:6", "b:3", "a:7")
		p.want("reject a:5 gap 1", "reject b:2 gap 1")
		p.quiet()
	}
	p.ops("d", "a:1{no:1}", "a:2", "a:3", "b:1", "b:2")
	p.want("reject a:1 missing {no:1}", "reject a:2 gap 1", "ack b:2@2")
	p.ops("d", "a:1", "a:2", "a:4")
	p.want("reject a:4 gap 3", "ack a:2@4")
	p.quiet()
}

// What was refused for good leaves its number free, for other content too.
func TestRefusedOpsLeaveNoTrace(t *testing.T) {
	h := start(t, Config{})
	p := h.live("", "d")
	p.ops("d", `{"actor":"a","seq":1}`, `{"actor":"a","seq":1,"payload":1,"ext":[]}`, `{"actor":"a","seq":1,"payload":1,"clock":[]}`)
	p.want("reject a:1 invalid", "reject a:1 invalid", "reject a:1 invalid")
	h.want(404, "GET /v1/docs/d", "", "not_found")
	p.ops("d", "a:1{b:1}", "a:1=2", "b:1{a:1}")
	p.want("reject a:1 missing {b:1}", "ack a:1@1", "ack b:1@2")
	p.quiet()
}

func TestOwnActorInClock(t *testing.T) {
	h := start(t, Config{})
	p := h.live("", "d")
	p.ops("d", "a:1{a:1}", "a:1{a:9}", "a:1", "a:2{a:1}", "a:3{a:1}")
	p.want("reject a:1 invalid", "reject a:1 invalid", "ack a:3@3")
}

func TestRetriesAreKnownByTheirContent(t *testing.T) {
	h := start(t, Config{})
	p := h.live("", "d")
	first := []string{
		`{"actor":"a","seq":1,"payload":{"k":[1, 2],"k":"\u00e9 é"}}`,
		`{"actor":"a","seq":2,"payload":"x","ext":{"e":1}}`,
		`{"actor":"a","seq":3,"payload":12}`,
		`{"actor":"a","seq":4,"payload":null}`,
	}
	p.ops("d", first...)
	p.want("ack a:4@4")
	same := []string{
		`{ "payload" : {"k": [1,2] ,"k":"\u00e9 é"}, "seq":1, "actor":"\u0061", "other":1 }`,
		`{"actor":"a","seq":2,"payload":"x","ext":{ "e":1 }}`,
		`{"actor":"a","seq":3,"clock":{"nobody":3},"payload": 12}`,
		`{"actor":"a","seq":4,"payload":null}`,
	}
	other := []string{
		`{"actor":"a","seq":1,"payload":{"k":[1,2],"k":"é é"}}`,
		`{"actor":"a","seq":1,"payload":{"k":[1,2],"k":"\u00E9 é"}}`,
		`{"actor":"a","seq":2,"payload":"x"}`,
		`{"actor":"a","seq":2,"payload":"x","ext":{"e":1,"f":2}}`,
		`{"actor":"a","seq":2,"payload":"x","ext":{}}`,
		`{"actor":"a","seq":3,"payload":1}`,
		`{"actor":"a","seq":3,"payload":123}`,
		`{"actor":"a","seq":3,"payload":12.0}`,
		`{"actor":"a","seq":3,"payload":12,"ext":{}}`,
		`{"actor":"a","seq":4,"payload":false}`,
	}
	check := func(where string) {
		t.Helper()
		r := h.live("", "d")
		for i, op := range same {
			r.ops("d", op)
			if got, want := r.line(), fmt.Sprintf("ack a:%d@%d", i+1, i+1); got != want {
				t.Errorf("%s: %s sent again: got %q, want %q", where, op, got, want)
			}
		}
		for _, op := range other {
			r.ops("d", op)
			if got := r.line(); !strings.HasSuffix(got, " conflict") {
				t.Errorf("%s: %s: got %q, want conflict", where, op, got)
			}
			r.send(`{"type":"leave","doc":"d"}`)
			r.want("left left")
			r.enter("d", `"since":{"clock":{"a":4,"fill":1200}}`)
			r.skipTo("live")
		}
	}
	check("from the tail")
	h.write("d", "fill", 1, 1200, 1000)
	r := h.room("d")
	r.mu.Lock()
	r.tail.find(map[clock.Dot][]int{{Actor: "a", Seq: 4}: nil}, func(*tailEntry) {
		t.Error("the tail still holds what is to be read from the log")
	})
	r.mu.Unlock()
	check("from the log")
}

func TestConflictClosesTheActorForThisSession(t *testing.T) {
	h := start(t, Config{})
	p, other := h.live("", "d"), h.live("", "d")
	p.ops("d", "a:1", "b:1")
	p.want("ack a:1@1", "ack b:1@2")
	other.want("op a:1@1", "op b:1@2")
	// Within the frame and after it, for retries too; other actors go on.
	p.ops("d", "a:1=0", "a:1", "a:2", "b:2")
	p.want("reject a:1 conflict", "reject a:1 conflict", "reject a:2 conflict", "ack b:2@3")
	p.ops("d", "a:2", "a:9", "b:3")
	p.want("reject a:2 conflict", "reject a:9 conflict", "ack b:3@4")
	other.want("op b:2@3", "op b:3@4")
	// Not in another document, nor for another session.
	p.enter("e")
	p.skipTo("live")
	p.ops("e", "a:1")
	p.want("ack a:1@1")
	other.ops("d", "a:2")
	other.want("ack a:2@5")
	p.want("op a:2@5")
	// A new join opens it again.
	p.send(`{"type":"leave","doc":"d"}`)
	p.want("left left")
	p.enter("d", `"since":{"clock":{"a":2,"b":3}}`)
	p.want("live 5")
	p.ops("d", "a:3")
	p.want("ack a:3@6")
}

func TestActorsBelongToTheirFirstSubject(t *testing.T) {
	h := start(t, Config{Auth: company()})
	ann, bob := h.live("ann", "d"), h.live("bob", "d")
	ann.ops("d", "a:1")
	ann.want("ack a:1@1")
	bob.want("op a:1@1")
	bob.ops("d", "a:2", "a:3", "b:1{a:1}")
	bob.want("reject a:2 forbidden", "reject a:3 forbidden", "ack b:1@2")
	again := h.live("ann", "d") // the actor is the person's, not the session's
	again.ops("d", "a:2{b:1}")
	again.want("ack a:2@3")
	ann.want("op b:1@2", "op a:2@3")
	bob.want("op a:2@3")
}

func TestOpsAreDeliveredAsTheyWereSent(t *testing.T) {
	h := start(t, Config{Auth: company()})
	ann, bob := h.live("ann", "d"), h.live("bob", "d")
	ann.send(` { "ops" : [ { "x":1, "ext" : { "k" : 1.50e+3 , "k":"\\ud83d\\ude00 \"] " } , "payload" : [ "a b\\n" , 1E400 , {"":null} ] , ` +
		`"seq" : 1 , "by":"eve", "at":1, "offset":9, "redacted":true, "clock" : { } , "actor" : "a" } ] , "doc" : "d" , "type" : "ops" } `)
	ann.want("ack a:1@1")
	o := bob.wantFrame("ops").Ops[0]
	const payload, ext = `["a b\\n",1E400,{"":null}]`, `{"k":1.50e+3,"k":"\\ud83d\\ude00 \"] "}`
	if string(o.Payload) != payload || string(o.Ext) != ext {
		t.Errorf("got payload %s and ext %s, want %s and %s", o.Payload, o.Ext, payload, ext)
	}
	if o.By != "ann" || o.At < 1e12 || o.Offset != 1 {
		t.Errorf("got by %q, at %d, offset %d; want what the relay stamps", o.By, o.At, o.Offset)
	}
}

func TestFormatIsThatOfTheFirstOp(t *testing.T) {
	h := start(t, Config{})
	x, _ := h.enter("", "d", `"format":"x"`)
	y, _ := h.enter("", "d", `"format":"y"`) // the document does not exist yet
	none := h.live("", "d")
	x.want("live 0")
	y.want("live 0")
	x.ops("d", "a:1")
	x.want("ack a:1@1")
	y.want("op a:1@1")
	y.ops("d", "a:1") // what is known is known whatever the format
	y.want("ack a:1@1")
	y.ops("d", "b:1")
	y.want("reject b:1 invalid")
	none.want("op a:1@1")
	none.ops("d", "c:1")
	none.want("ack c:1@2")
	late := h.listen("")
	late.send(`{"type":"join","doc":"d","format":"y"}`)
	late.want("error format")
	late.ops("d", "e:1")
	late.want("error not_joined")
	if f := late.enter("d", `"format":"x"`); f.Format != "x" {
		t.Errorf("got format %q, want x", f.Format)
	}
}

// room is the relay's room of a document somebody is in.
func (h *harness) room(doc string) *room {
	h.t.Helper()
	h.srv.mu.Lock()
	defer h.srv.mu.Unlock()
	r := h.srv.rooms[oplog.DocID(doc)]
	if r == nil {
		h.t.Fatalf("nobody is in %s", doc)
	}
	return r
}
