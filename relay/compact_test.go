package relay

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

// wantAsked hears that the peer is asked for a snapshot, as the next frame.
func (l *listener) wantAsked(at int) {
	l.t.Helper()
	if f := l.wantFrame("compact"); f.Offset != at {
		l.t.Errorf("got %s, want one at %d", f.raw, at)
	}
}

// A session that writes alone is asked behind the ack of its op: before, its own
// op would be in its document and not in the log.
func TestAskedBehindTheAck(t *testing.T) {
	h := start(t, Config{CompactEvery: 4})
	l := h.live("", "d")
	l.ops("d", "a:1", "a:2", "a:3", "a:4")
	l.wantAck("a:4@4")
	l.wantAsked(4)
	l.ops("d", "a:5")
	l.want("ack a:5@5")
	l.quiet()
}

// Ops are counted from the newest snapshot, whoever stored it, and through
// rooms that nobody is in.
func TestOpsAreCountedFromTheNewestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{CompactEvery: 4})
		for n := 1; n <= 3; n++ {
			l := h.live("", "d")
			l.ops("d", fmt.Sprint("a:", n))
			l.want(fmt.Sprintf("ack a:%d@%d", n, n))
			l.quiet()
			h.leaveAll()
		}
		l := h.live("", "d")
		l.ops("d", "a:4")
		l.want("ack a:4@4")
		l.wantAsked(4)
		h.put("d", 4, "four").want(t, "put", 201)
		time.Sleep(askAgain)
		l.ops("d", "a:5", "a:6", "a:7")
		l.wantAck("a:7@7")
		l.quiet()
		h.put("d", 6, "six").want(t, "put", 201)
		l.ops("d", "a:8", "a:9")
		l.wantAck("a:9@9")
		l.quiet()
		h.leaveAll()
		l = h.live("", "d")
		l.ops("d", "a:10")
		l.want("ack a:10@10")
		l.wantAsked(10)
		h.put("d", 10, "ten").want(t, "put", 201)
		h.want(204, "DELETE /v1/docs/d/snapshots/10", "")
		time.Sleep(askAgain)
		l.ops("d", "a:11")
		l.want("ack a:11@11")
		l.wantAsked(11)
	})
}

// Where no snapshot comes, another session is asked, then the next one, and
// then the first one again. Sessions without the right are never asked.
func TestSessionsAreAskedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := auth.Read | auth.Write | auth.Compact
		h := startInBubble(t, Config{CompactEvery: 2, Auth: people{
			"before": {"*": all}, "writer": {"*": all}, "reader": {"*": auth.Read}, "behind": {"*": all},
		}})
		before, reader, writer := h.live("before", "d"), h.live("reader", "d"), h.live("writer", "d")
		behind := h.live("behind", "d")
		turns := []*listener{writer, before, behind, writer, before, behind}
		for turn := 0; turn <= len(turns); turn++ {
			if turn > 0 {
				time.Sleep(askAgain)
			}
			n := turn + 1
			writer.ops("d", fmt.Sprint("a:", n))
			writer.want(fmt.Sprintf("ack a:%d@%d", n, n))
			for _, l := range []*listener{before, reader, behind} {
				l.want(fmt.Sprintf("op a:%d@%d", n, n))
			}
			if n >= 2 {
				turns[turn-1].wantAsked(n)
			}
			for _, l := range []*listener{before, reader, writer, behind} {
				l.quiet()
			}
		}
		before.ops("d", "b:1")
		before.want("ack b:1@8")
		before.quiet() // it is not time yet
	})
}

// A document that nobody writes to any more gets its snapshot from a reader.
func TestReaderOfALongLogIsAsked(t *testing.T) {
	h := start(t, Config{CompactEvery: 4})
	h.write("d", "a", 1, 5, 1)
	l, _ := h.enter("", "d")
	l.want("op a:1@1", "op a:2@2", "op a:3@3", "op a:4@4", "op a:5@5", "live 5")
	l.wantAsked(5)
}

// The ops of a document that was deleted do not count for the next one of its name.
func TestAskedAnewAfterADeletion(t *testing.T) {
	h := start(t, Config{CompactEvery: 2})
	l := h.live("", "d")
	l.ops("d", "a:1", "a:2")
	l.wantAck("a:2@2")
	l.wantAsked(2)
	h.put("d", 2, "two").want(t, "put", 201)
	h.want(204, "DELETE /v1/docs/d", "")
	l.want("left deleted")
	l.enter("d")
	l.want("live 0")
	l.ops("d", "b:1", "b:2")
	l.wantAck("b:2@2")
	l.wantAsked(2)
}
