package relay

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// allocated is how many bytes were allocated so far, those that are free again included.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// A session sends the names of large ops of the log again, with small contents. If
// it may not write, the relay reads nothing for it. If it may, the relay keeps
// nothing of what it reads to compare, and reads no more than a frame can hold and
// one op.
func TestOldOpsAreReadBackWithinBounds(t *testing.T) {
	const ops, size = 12, 700 << 10
	var lookups atomic.Int64
	log := &hookedLog{lookup: func() { lookups.Add(1) }}
	h := start(t, Config{Auth: company(), Log: log})
	var again []string
	for i := range ops {
		actor := fmt.Sprint("actor", i)
		body := fmt.Sprintf(`[{"actor":%q,"seq":1,"payload":"%s"}]`, actor, strings.Repeat("x", size))
		h.wantAs("ann", 200, "POST /v1/docs/d/ops", body, `"rejects":[]`)
		again = append(again, actor+":1=0")
	}
	answers := func(l *listener) map[string]int {
		heard := map[string]int{}
		before := allocated()
		l.ops("d", again...)
		for range again {
			heard[l.frame().Code]++
		}
		if got := allocated() - before; got > 1<<20 {
			t.Errorf("a frame of %d bytes had the relay allocate %d bytes", len(opsOf("d", again...)), got)
		}
		return heard
	}
	enter := func(who string) *listener {
		l := h.listen(who)
		l.send(`{"type":"join","doc":"d","channels":["presence"]}`)
		l.skipTo("presence")
		return l
	}
	if got := answers(enter("eve")); got["forbidden"] != ops {
		t.Errorf("a session that may only read got %v, want all forbidden", got)
	}
	if got := lookups.Load(); got != 0 {
		t.Errorf("the log was asked %d times for a session that may only read, want never", got)
	}
	writer := enter("bob")
	got := answers(writer)
	if got["conflict"] != 2 || got["unavailable"] != ops-2 {
		t.Errorf("got %v, want a conflict for what was compared, and the rest to be sent again", got)
	}
	// Sent again, the rest is compared too: each frame gets further.
	for frames := 2; got["unavailable"] > 0; frames++ {
		if got = answers(writer); frames > ops/2 {
			t.Fatalf("%d ops are not compared after %d frames", got["unavailable"], frames)
		}
	}
}

// Each op of a frame is compared by itself, also where two have one name.
func TestRetriesOfOneNameInAFrame(t *testing.T) {
	h := start(t, Config{})
	h.want(200, "POST /v1/docs/d/ops", `[`+op("a:1")+`]`)
	h.write("d", "fill", 1, 1200, 1000)
	l := h.live("", "d")
	l.ops("d", "a:1", "a:1", "fill:1=0", "a:1=0", "a:1")
	// The ack comes before the rejects if the session's writer is quick.
	got := []string{l.line(), l.line(), l.line(), l.line()}
	slices.Sort(got)
	want := []string{"ack a:1@1", "reject a:1 conflict", "reject a:1 conflict", "reject fill:1 conflict"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	l.quiet()
}

// While an op is compared with the log, its document is deleted, and another one is
// created that has another op of that name. The comparison does not count any more.
func TestRetryWhileTheDocumentBecomesAnother(t *testing.T) {
	log := &hookedLog{}
	h := start(t, Config{Log: log})
	h.want(200, "POST /v1/docs/d/ops", `[`+op("a:1")+`]`)
	l := h.listen("")
	l.send(`{"type":"join","doc":"d","channels":["presence"]}`)
	l.skipTo("presence")
	r := h.room("d")
	r.rest()
	done := false
	log.lookup = func() {
		if done {
			return
		}
		done = true
		h.want(204, "DELETE /v1/docs/d", "")
		h.want(200, "POST /v1/docs/d/ops", `[`+op("a:1=0")+`]`)
		r.rest()
	}
	post := h.want(200, "POST /v1/docs/d/ops", `[`+op("a:1")+`]`)
	if want := `{"acks":[],"rejects":[{"actor":"a","seq":1,"code":"conflict"`; !strings.HasPrefix(post.body, want) || !done {
		t.Errorf("got %s, want %s", post.body, want)
	}
}
