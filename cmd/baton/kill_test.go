package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// TestKilledUnderLoad kills the relay twenty times in a row while documents are
// written and read, and starts it again at once. Whatever anyone was told, by an
// ack or by a delivery, must be in the log ever after, once, with its content.
func TestKilledUnderLoad(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	addr := quietPort(t, rnd)
	dir := t.TempDir()
	c := newCrowd("ws://"+addr+"/v1/ws", seed)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for _, p := range c.everyone {
		all.Go(func() { p.run(ctx) })
	}

	const kills = 20
	for range kills {
		relay := start(t, dir, nil, "--listen", addr)
		c.allow(20)
		c.hold(t, relay)
		c.allow(40)
		if rnd.IntN(5) > 0 { // else it dies before it has done much
			c.awaitLoad(t)
		}
		<-time.After(time.Duration(rnd.IntN(200)) * time.Millisecond) // any moment will do, not only one behind an ack
		relay.kill()
		mustCheck(t, dir)
		if t.Failed() {
			return
		}
	}

	relay := start(t, dir, nil, "--listen", addr)
	c.converge(t, relay)
	c.hold(t, relay)
	c.summarize(t, kills)
	if code := relay.stop(t); code != 0 {
		t.Errorf("exit code: got %d, want 0\n%s", code, relay.stderr)
	}
	mustCheck(t, dir)
}

// quietPort returns a free address whose port no outgoing connection gets: one
// of those would keep the relay from coming back, or talk to itself.
func quietPort(t *testing.T, rnd *rand.Rand) string {
	t.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rnd.IntN(12000)))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("found no free port from 20000 to 32000")
	return ""
}

// mustCheck checks the log that a relay left in dir.
func mustCheck(t *testing.T, dir string) {
	t.Helper()
	report := func(c *oplog.CorruptionError) { t.Error(c) }
	if err := bolt.CheckFile(t.Context(), filepath.Join(dir, "oplog.db"), report); err != nil {
		t.Error(err)
	}
}

// crowd is all participants of some documents.
type crowd struct {
	docs     []string
	everyone []*participant
	lost     int // ops that someone was told of and the log does not have
}

func newCrowd(url string, seed uint64) *crowd {
	c := &crowd{docs: []string{"one", "two", "three"}}
	for _, doc := range c.docs {
		for i, window := range []int{1, 16, 200} {
			seed++
			c.everyone = append(c.everyone, newParticipant(url, doc, fmt.Sprint("writer", i), window, seed))
		}
		for range 2 {
			c.everyone = append(c.everyone, newParticipant(url, doc, "", 0, 0))
		}
	}
	return c
}

// allow lets every writer make n more ops. Without an end to them, the longer
// the log takes to look at, the longer it would get.
func (c *crowd) allow(n int) {
	for _, p := range c.everyone {
		p.allow(n)
	}
}

func (c *crowd) acked() (n int) {
	for _, p := range c.everyone {
		n += p.confirmed()
	}
	return n
}

// awaitLoad waits until some more ops are acked.
func (c *crowd) awaitLoad(t *testing.T) {
	t.Helper()
	enough := c.acked() + 20
	await(t, "more acks", func() bool { return c.acked() >= enough })
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// hold holds the log to all that anyone was told so far.
func (c *crowd) hold(t *testing.T, relay *process) {
	t.Helper()
	told := make([]map[string]string, len(c.everyone))
	for i, p := range c.everyone {
		told[i] = p.record() // before the log is read: later there is more
	}
	for _, doc := range c.docs {
		ops, err := readLog(t.Context(), relay, doc)
		if err != nil {
			t.Fatal(err)
		}
		kept := contents(t, doc, ops)
		for i, p := range c.everyone {
			if p.doc != doc {
				continue
			}
			for name, payload := range told[i] {
				if got, ok := kept[name]; !ok || got != payload {
					c.lost++
					t.Errorf("%q in %s was told of %s %s, the log has %q", p.actor, doc, name, payload, got)
				}
			}
			p.report(t)
		}
	}
}

// contents returns the payloads of a log by name. It holds the log to the order
// of offsets and of each actor's ops, in which nothing comes twice.
func contents(t *testing.T, doc string, ops []operation) map[string]string {
	t.Helper()
	kept := make(map[string]string, len(ops))
	clock := map[string]uint64{}
	offset := uint64(0)
	for i := range ops {
		o := &ops[i]
		if o.Offset <= offset || o.Seq != clock[o.Actor]+1 {
			t.Errorf("the log of %s has %s at %d behind offset %d and op %d of its actor", doc, o.name(), o.Offset, offset, clock[o.Actor])
		}
		for actor, seq := range o.Clock {
			if clock[actor] < seq {
				t.Errorf("the log of %s has %s, whose clock names %s:%d, before that op", doc, o.name(), actor, seq)
			}
		}
		offset, clock[o.Actor] = o.Offset, o.Seq
		kept[o.name()] = string(o.Payload)
	}
	return kept
}

// converge ends the writing and waits until everyone has got everything, which
// is as much as the log has.
func (c *crowd) converge(t *testing.T, relay *process) {
	t.Helper()
	total := map[string]int{}
	for _, p := range c.everyone {
		total[p.doc] += p.rest()
	}
	for _, p := range c.everyone {
		await(t, fmt.Sprintf("%q in %s to have all %d ops", p.actor, p.doc, total[p.doc]), func() bool { return p.settled(total[p.doc]) })
	}
	for _, doc := range c.docs {
		if ops, err := readLog(t.Context(), relay, doc); err != nil || len(ops) != total[doc] {
			t.Errorf("the log of %s has %d ops, %v; want the %d that were made", doc, len(ops), err, total[doc])
		}
	}
}

func (c *crowd) summarize(t *testing.T, kills int) {
	t.Helper()
	var returns, resent, told int
	for _, p := range c.everyone {
		p.mu.Lock()
		returns += p.returns
		resent += p.resent
		told += len(p.told)
		p.mu.Unlock()
	}
	t.Logf("%d kills, %d joins of %d participants, %d ops acked, %d heard or acked by anyone, %d sent again, %d lost",
		kills, returns, len(c.everyone), c.acked(), told, resent, c.lost)
}
