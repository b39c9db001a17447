package relay

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Ops a:1 … a:6 with b:1 … b:6 between them: a:n is at 2n-1, b:n at 2n.
func (h *harness) pairs(doc string) (epoch string) {
	h.t.Helper()
	var specs []string
	for n := 1; n <= 6; n++ {
		specs = append(specs, fmt.Sprintf("a:%d", n), fmt.Sprintf("b:%d{a:%d}", n, n))
	}
	l := h.live("", doc)
	l.ops(doc, specs...)
	l.want("ack a:6@11", "ack b:6@12")
	return h.want(200, "GET /v1/docs/"+doc, "").field(h.t, "epoch")
}

func TestWhereAClientResumes(t *testing.T) {
	h := start(t, Config{})
	epoch := h.pairs("d")
	tests := []struct {
		since string
		from  string
		clock bool // joined says it: the offset did not count
		lost  string
		ops   []string
	}{
		{`"epoch":"E","offset":10`, "joined 10 of 12", false, "{}", []string{"op a:6@11", "op b:6@12", "live 12"}},
		{`"epoch":"E","offset":12`, "joined 12 of 12", false, "{}", []string{"live 12"}},
		{`"epoch":"E","offset":0,"clock":{"a":6,"b":6}`, "joined 0 of 12", false, "{}", nil},
		{`"epoch":"E","offset":10,"clock":{"a":1,"zz":3}`, "joined 10 of 12", false, "{}", []string{"op a:6@11", "op b:6@12", "live 12"}},
		{`"clock":{"a":6,"b":5}`, "", true, "{}", []string{"op b:6@12", "live 12"}},
		{`"clock":{"a":6,"b":4}`, "", true, "{}", []string{"op b:5@10", "op b:6@12", "live 12"}},
		{`"clock":{"b":6}`, "joined 0 of 12", true, "{}", []string{"op a:1@1", "op a:2@3", "op a:3@5", "op a:4@7", "op a:5@9", "op a:6@11", "live 12"}},
		{`"clock":{"a":6,"b":6}`, "", true, "{}", []string{"live 12"}},
		{`"epoch":"other","offset":10,"clock":{"a":6,"b":5}`, "", true, "{}", []string{"op b:6@12", "live 12"}},
		{`"epoch":"other","offset":10`, "joined 0 of 12", true, "{}", nil},
		{`"offset":10`, "joined 0 of 12", true, "{}", nil},
		{`"epoch":"E","offset":13,"clock":{"a":6,"b":5}`, "", true, "{}", []string{"op b:6@12", "live 12"}},
		{`"epoch":"E","offset":13`, "joined 0 of 12", true, "{}", nil},
		{`"clock":{"a":9,"b":5,"c":1}`, "", true, "{a:9,c:1}", []string{"op b:6@12", "live 12"}},
		{``, "joined 0 of 12", true, "{}", nil},
	}
	for _, tt := range tests {
		l, f := h.enter("", "d", `"since":{`+replaceEpoch(tt.since, epoch)+`}`)
		if got := f.lines()[0]; got != tt.from && tt.from != "" {
			t.Errorf("%s: got %s, want %s", tt.since, got, tt.from)
		}
		if (f.Clock != nil) != tt.clock || tt.clock && brief(f.Clock) != "{a:6,b:6}" || brief(f.Lost) != tt.lost {
			t.Errorf("%s: got clock %v, lost %v in %s; want a clock: %v, lost %s", tt.since, f.Clock, f.Lost, f.raw, tt.clock, tt.lost)
		}
		if f.Epoch != epoch || f.First != 1 || f.Snapshot != nil {
			t.Errorf("%s: got %s", tt.since, f.raw)
		}
		if tt.ops == nil { // all of them
			tt.ops = append(allPairs(), "live 12")
		}
		l.want(tt.ops...)
		l.quiet()
	}
}

func replaceEpoch(since, epoch string) string {
	if after, ok := strings.CutPrefix(since, `"epoch":"E"`); ok {
		return `"epoch":"` + epoch + `"` + after
	}
	return since
}

func allPairs() (list []string) {
	for n := 1; n <= 6; n++ {
		list = append(list, fmt.Sprintf("op a:%d@%d", n, 2*n-1), fmt.Sprintf("op b:%d@%d", n, 2*n))
	}
	return list
}

func TestSnapshotWhereOneSparesOps(t *testing.T) {
	h := start(t, Config{})
	epoch := h.pairs("d")
	h.do("PUT /v1/docs/d/snapshots/10", "blob", "Content-Type: "+typeOctets).want(t, "put", 201)
	rest := []string{"op a:6@11", "op b:6@12", "live 12"}
	tests := []struct {
		join string
		from string // "" where the log may know better than the clock says
		blob bool
		ops  []string
	}{
		{``, "joined 10 of 12", true, rest},
		{`"snapshot":true`, "joined 10 of 12", true, rest},
		{`"snapshot":false`, "joined 0 of 12", false, append(allPairs(), "live 12")},
		{`"since":{"epoch":"E","offset":9}`, "joined 10 of 12", true, rest},
		{`"since":{"epoch":"E","offset":9},"snapshot":false`, "joined 9 of 12", false, append([]string{"op b:5@10"}, rest...)},
		{`"since":{"epoch":"E","offset":10}`, "joined 10 of 12", false, rest},
		{`"since":{"epoch":"E","offset":11}`, "joined 11 of 12", false, rest[1:]},
		{`"since":{"clock":{"a":5,"b":4}}`, "joined 10 of 12", true, rest},
		{`"since":{"clock":{"a":5,"b":5}}`, "", false, rest},
		{`"since":{"clock":{"a":6,"b":4}}`, "joined 10 of 12", true, rest[1:]},
		{`"since":{"clock":{"a":6,"b":6}}`, "", false, rest[2:]},
	}
	for _, tt := range tests {
		l, f := h.enter("", "d", replaceEpochIn(tt.join, epoch)...)
		if got := f.lines()[0]; got != tt.from && tt.from != "" {
			t.Errorf("%s: got %s, want %s", tt.join, got, tt.from)
		}
		if (f.Snapshot != nil) != tt.blob || tt.blob && (f.Snapshot.Offset != 10 || f.Snapshot.Bytes != 4) {
			t.Errorf("%s: got %s, want a snapshot: %v", tt.join, f.raw, tt.blob)
		}
		l.want(tt.ops...)
		l.quiet()
	}
	noOps := h.listen("")
	noOps.send(`{"type":"join","doc":"d","channels":["presence"]}`)
	if f := noOps.wantFrame("joined"); f.Snapshot != nil || f.From != 12 {
		t.Errorf("without ops: got %s, want no snapshot", f.raw)
	}
}

func replaceEpochIn(join, epoch string) []string {
	if join == "" {
		return nil
	}
	if after, ok := strings.CutPrefix(join, `"since":{`); ok {
		return []string{`"since":{` + replaceEpoch(after, epoch)}
	}
	return []string{join}
}

func TestJoinOfAPrunedDocument(t *testing.T) {
	rest := []string{"op a:6@11", "op b:6@12", "live 12"}
	held := append([]string{"op a:5@9", "op b:5@10"}, rest...)
	tests := []struct {
		join, from string
		blob       bool
		ops        []string
	}{
		{``, "joined 10 of 12", true, rest},
		{`"snapshot":false`, "joined 8 of 12", false, held},
		{`"since":{"epoch":"E","offset":3}`, "joined 10 of 12", true, rest},
		{`"since":{"epoch":"E","offset":3},"snapshot":false`, "joined 8 of 12", false, held},
		{`"since":{"epoch":"E","offset":8},"snapshot":false`, "joined 8 of 12", false, held},
		{`"since":{"clock":{"a":5,"b":5}}`, "", false, rest},
		{`"since":{"clock":{"a":2,"b":1}}`, "joined 10 of 12", true, rest},
		{`"since":{"clock":{"a":2,"b":5}},"snapshot":false`, "joined 8 of 12", false, append([]string{"op a:5@9"}, rest...)},
	}
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		epoch := h.pairs("d")
		h.do("PUT /v1/docs/d/snapshots/10", "blob", "Content-Type: "+typeOctets).want(t, "put", 201)
		h.want(200, "POST /v1/docs/d/prune?before=9", "", `"first":9`)
		// Asked of the room that saw the prune, and of one that is loaded after it.
		for _, room := range []string{"the same room", "a new room"} {
			for _, tt := range tests {
				l, f := h.enter("", "d", replaceEpochIn(tt.join, epoch)...)
				if got := f.lines()[0]; got != tt.from && tt.from != "" || f.First != 9 || (f.Snapshot != nil) != tt.blob {
					t.Errorf("%s, %s: got %s; want %s, first 9, a snapshot: %v", room, tt.join, f.raw, tt.from, tt.blob)
				}
				l.want(tt.ops...)
			}
			h.leaveAll()
		}
	})
}

// leaveAll cuts every session of a relay in a bubble; its rooms are forgotten.
func (h *harness) leaveAll() {
	h.t.Helper()
	for _, s := range h.srv.all() {
		s.cut()
	}
	synctest.Wait()
	h.srv.mu.Lock()
	defer h.srv.mu.Unlock()
	if s, r := len(h.srv.sessions), len(h.srv.rooms); s > 0 || r > 0 {
		h.t.Fatalf("%d sessions and %d rooms are left", s, r)
	}
}

// The prune does not touch the clock: what is known, a gap or missing is so
// still, and what names pruned ops is taken.
func TestOpsAfterAPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		h.pairs("d")
		h.do("PUT /v1/docs/d/snapshots/10", "blob", "Content-Type: "+typeOctets).want(t, "put", 201)
		h.want(200, "POST /v1/docs/d/prune?before=11", "", `"first":11`)
		h.leaveAll()
		l, _ := h.enter("", "d")
		l.want("op a:6@11", "op b:6@12", "live 12")
		l.ops("d", "a:1=0") // other content, but nobody can tell any more
		if ack := l.wantFrame("ack"); ack.Seq != 1 || ack.Offset >= 11 {
			t.Errorf("got %s, want an ack below what is held", ack.raw)
		}
		l.ops("d", "b:6=0")
		l.want("reject b:6 conflict")
		l.ops("d", "a:8")
		l.want("reject a:8 gap 7")
		l.ops("d", "c:1{a:7}")
		l.want("reject c:1 missing {a:7}")
		l.ops("d", "c:1{a:1,b:2}")
		l.want("ack c:1@13")
	})
}

// Ops that come while others catch up are in the one stream, in order: live
// comes where the catch-up reached the head that joined named.
func TestLiveComesInTheStream(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 3000, 500)
	w := h.live("", "d")
	l, f := h.enter("", "d")
	if f.Head != 3000 {
		t.Fatalf("got head %d, want 3000", f.Head)
	}
	for n := 1; n <= 50; n++ {
		w.ops("d", fmt.Sprintf("w:%d", n))
	}
	live := 0
	for at := 1; at <= 3050 || live == 0; {
		line := l.line()
		var got, n int
		switch {
		case scan(line, "op a:%d@%d", &n, &got), scan(line, "op w:%d@%d", &n, &got):
			if got != at {
				t.Fatalf("got %q, want the op at %d", line, at)
			}
			at++
		case scan(line, "live %d", &live):
			if live != at-1 || live < f.Head {
				t.Errorf("got %q behind the op at %d and head %d", line, at-1, f.Head)
			}
		default:
			t.Fatalf("got %q", line)
		}
	}
	l.quiet()
}

func scan(line, format string, a ...any) bool {
	n, err := fmt.Sscanf(line, format, a...)
	return err == nil && n == len(a)
}

// An ack takes its op's place: it comes after all ops of others below it, for a
// session that is still catching up too, and so does the ack of a retry.
func TestAckTakesItsOpsPlace(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 1500, 1000) // more than a tail keeps
	l := h.listen("")
	l.send(`{"type":"join","doc":"d","channels":["ops"]}`)
	l.ops("d", "me:1", "me:2")
	retry := `{"actor":"a","seq":700,"payload":"` + strings.Repeat("x", 1000) + `"}`
	l.ops("d", retry)
	l.want("joined 0 of 1500")
	at, retried, live := 0, false, false
	for line := l.line(); line != "ack me:2@1502"; line = l.line() {
		n, offset := 0, 0
		switch {
		case scan(line, "op a:%d@%d", &n, &offset) && n == at+1:
			at = n
		case line == "ack a:700@700" && at >= 700: // as soon as the retry came
			retried = true
		case scan(line, "live %d", &n):
			live = true
		default:
			t.Fatalf("got %q behind a:%d", line, at)
		}
	}
	if at != 1500 || !retried {
		t.Errorf("got the ack of an own op behind a:%d, and that of the retry: %v", at, retried)
	}
	if !live { // own ops may be among the catch-up's
		l.skipTo("live")
	}
	l.quiet()
}

// Left out are the ops that this very session brought; for any other, after a
// leave and a join for the same one too, they are ops like anyone's.
func TestOwnOps(t *testing.T) {
	h := start(t, Config{})
	l, same := h.live("", "d"), h.live("", "d")
	l.ops("d", "a:1")
	l.want("ack a:1@1")
	same.want("op a:1@1")
	same.ops("d", "a:2", "b:1")
	same.want("ack a:2@2", "ack b:1@3")
	l.want("op a:2@2", "op b:1@3")
	l.ops("d", "a:1", "a:2", "b:1")
	l.want("ack a:2@2", "ack b:1@3")
	l.ops("d", "a:3")
	l.want("ack a:3@4")
	same.want("op a:3@4")
	l.send(`{"type":"leave","doc":"d"}`)
	l.want("left left")
	l.enter("d", `"since":{"clock":{"a":2}}`)
	l.want("op b:1@3", "op a:3@4", "live 4")
	l.quiet()
}

func TestSessionWithoutTheOpsChannel(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "x", 1, 1200, 1000)
	l := h.listen("")
	l.send(`{"type":"join","doc":"d","channels":["presence"]}`)
	l.want("joined 1200 of 1200", "presence")
	w := h.live("", "d")
	w.ops("d", "w:1")
	w.want("ack w:1@1201")
	l.ops("d", "a:1{w:1}", "a:2", "w:1")
	got := map[string]bool{l.line(): true, l.line(): true}
	if !got["ack a:2@1203"] || !got["ack w:1@1201"] {
		t.Errorf("got %v, want acks of a:2 and w:1", got)
	}
	w.want("op a:1@1202", "op a:2@1203")
	l.quiet()
}

// joined.head is never older than an ack that was given before the join.
func TestHeadIsAsNewAsAnyAck(t *testing.T) {
	h := start(t, Config{})
	w := h.live("", "d")
	for n := 1; n <= 30; n++ {
		w.ops("d", fmt.Sprintf("a:%d", n))
		w.want(fmt.Sprintf("ack a:%d@%d", n, n))
		if _, f := h.enter("", "d"); f.Head < n {
			t.Fatalf("got head %d after the ack of %d", f.Head, n)
		}
	}
}

// A document that is deleted and made anew while a join looks up where its
// clock stands is a document of which the client has nothing.
func TestJoinWhileTheDocumentBecomesAnother(t *testing.T) {
	log := &hookedLog{}
	h := start(t, Config{Log: log})
	h.pairs("d")
	var once atomic.Bool
	log.locate = func() {
		if once.CompareAndSwap(false, true) {
			h.do("DELETE /v1/docs/d", "").want(t, "delete", 204)
			h.want(200, "POST /v1/docs/d/ops", `[`+op("c:1")+`,`+op("c:2")+`,`+op("b:1")+`]`, `"rejects":[]`)
		}
	}
	l, f := h.enter("", "d", `"since":{"clock":{"a":6,"b":6}}`)
	if f.Head != 3 || brief(f.Lost) != "{a:6,b:6}" {
		t.Errorf("got %s, want head 3, lost a:6 and b:6", f.raw)
	}
	l.want("op c:1@1", "op c:2@2", "live 3")
}

// A blob that is stored, and the ops it stands in for pruned, while a join looks
// for one is offered all the same: nothing is passed over in silence.
func TestJoinWhileTheDocumentIsPruned(t *testing.T) {
	log := &hookedLog{}
	h := start(t, Config{Log: log})
	h.pairs("d")
	var once atomic.Bool
	log.snapshot = func() {
		if once.CompareAndSwap(false, true) {
			h.do("PUT /v1/docs/d/snapshots/10", "blob", "Content-Type: "+typeOctets).want(t, "put", 201)
			h.want(200, "POST /v1/docs/d/prune?before=11", "", `"first":11`)
		}
	}
	l, f := h.enter("", "d")
	if f.Snapshot == nil || f.From != 10 || f.First != 11 {
		t.Errorf("got %s, want the snapshot at 10", f.raw)
	}
	l.want("op a:6@11", "op b:6@12", "live 12")
}

// What the clock of a client names beyond the log is lost; when it comes again,
// from whomever, all hear it, however far behind they are.
func TestLostOpsThatComeAgain(t *testing.T) {
	for _, size := range []int{10, 1000} { // read from the tail, and from the log
		synctest.Test(t, func(t *testing.T) {
			h := startInBubble(t, Config{})
			h.write("d", "fill", 1, 200, 1000)
			l, w := h.listen(""), h.live("", "d")
			l.send(`{"type":"join","doc":"d","channels":["ops"],"since":{"clock":{"a":2}}}`)
			synctest.Wait() // l takes nothing until it reads
			w.ops("d", "a:1", "a:2")
			w.want("ack a:2@202")
			h.write("d", "fill", 201, 1000, size)
			if f := l.wantFrame("joined"); brief(f.Lost) != "{a:2}" {
				t.Errorf("got %s, want a:2 lost", f.raw)
			}
			for at := 1; at <= 1202; {
				got := l.line()
				want := fmt.Sprintf("op fill:%d@%d", at, at)
				switch {
				case at == 201 || at == 202:
					want = fmt.Sprintf("op a:%d@%d", at-200, at)
				case at > 202:
					want = fmt.Sprintf("op fill:%d@%d", at-2, at)
				}
				if strings.HasPrefix(got, "live ") {
					continue
				}
				if got != want {
					t.Fatalf("ops of %d bytes: got %q, want %q", size, got, want)
				}
				at++
			}
		})
	}
}
