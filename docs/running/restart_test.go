package running_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
)

// TestRelayRestartsBehindProxies drains a relay and starts it again at the same
// address while 20 people write, and holds the log and everyone to all that was
// acked. With BATON_AWAY=10s it is away for longer, as where a pod is moved.
func TestRelayRestartsBehindProxies(t *testing.T) {
	const people = 20
	away, err := time.ParseDuration(cmp.Or(os.Getenv("BATON_AWAY"), "0s"))
	if err != nil {
		t.Fatal(err)
	}
	for _, px := range proxies {
		t.Run(px.name, func(t *testing.T) {
			addr, dir, tokens := "127.0.0.1:"+freePort(t), t.TempDir(), tokenFile(t, people)
			relay := relayBehind(t, addr, dir, tokens)
			p := behind(t, px.command, addr)
			c := &company{place: p, stop: make(chan struct{})}
			for i := range people {
				c.add(t, i)
			}
			c.awaitOps(t, 10*people)

			began := time.Now()
			if code := relay.terminate(t); code != 0 {
				t.Errorf("the relay ended with exit code %d, want 0", code)
			}
			drained := time.Since(began)
			<-time.After(away)
			relayBehind(t, addr, dir, tokens)
			ready := time.Since(began)
			await(t, "all people to be back", func() bool { return c.back() == people })
			last := c.lastBack().Sub(began)
			c.awaitOps(t, c.appended()+10*people)
			c.settle(t)
			ops := c.hold(t)
			t.Logf("%d people, %d ops: drained after %.2f s, ready again after %.2f s, the last one back after %.2f s",
				people, ops, drained.Seconds(), ready.Seconds(), last.Seconds())
		})
	}
}

// company is people who write one document through a proxy.
type company struct {
	// static
	place *place
	stop  chan struct{} // closed when they are to write no more

	everyone []*person
	writing  sync.WaitGroup
}

// person writes, and notes what it hears.
type person struct {
	// static
	conn *client.Conn
	doc  *client.Doc

	mu sync.Mutex
	// below guarded by mu
	heard    map[string]int // how often, by name
	appended int
	cut      bool      // since the relay went
	returned time.Time // zero until it is back
	err      error
}

const company20 = "company"

func (c *company) add(t *testing.T, i int) {
	t.Helper()
	conn, err := client.Dial(t.Context(), site, c.place.options(t, secretToken(i)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w := &person{conn: conn, doc: enter(t, conn, company20), heard: map[string]int{}}
	c.everyone = append(c.everyone, w)
	ctx := t.Context()
	c.writing.Go(func() { w.write(ctx, c.stop) })
	go w.listen(ctx)
}

// write appends an op each 50 ms, whether the relay is there or not.
func (w *person) write(ctx context.Context, stop chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		_, err := w.doc.Append(ctx, json.RawMessage(`{"some":"payload"}`))
		w.mu.Lock()
		w.appended++
		if w.err == nil {
			w.err = err
		}
		w.mu.Unlock()
	}
}

// listen notes ops, and how the stay stands, until the test ends.
func (w *person) listen(ctx context.Context) {
	for u, err := range w.doc.Updates(ctx) {
		w.mu.Lock()
		if err != nil && ctx.Err() == nil && w.err == nil {
			w.err = err
		}
		for _, op := range u.Ops {
			w.heard[op.Dot.String()]++
		}
		if s := u.Status; s != nil {
			switch {
			case s.State == client.Offline:
				w.cut = true
			case s.State == client.Live && w.cut && w.returned.IsZero():
				w.returned = time.Now()
			}
		}
		w.mu.Unlock()
	}
}

// count adds up what each person says, under its lock.
func (c *company) count(of func(*person) int) (n int) {
	for _, w := range c.everyone {
		w.mu.Lock()
		n += of(w)
		w.mu.Unlock()
	}
	return n
}

func (c *company) appended() int { return c.count(func(w *person) int { return w.appended }) }

// back is how many people returned.
func (c *company) back() int {
	return c.count(func(w *person) int {
		if w.returned.IsZero() {
			return 0
		}
		return 1
	})
}

func (c *company) lastBack() (last time.Time) {
	c.count(func(w *person) int {
		if w.returned.After(last) {
			last = w.returned
		}
		return 0
	})
	return last
}

// awaitOps waits until the people have written n ops.
func (c *company) awaitOps(t *testing.T, n int) {
	t.Helper()
	await(t, fmt.Sprint(n, " ops"), func() bool { return c.appended() >= n })
}

// settle has all stop writing, and waits until each op is acked.
func (c *company) settle(t *testing.T) {
	t.Helper()
	close(c.stop)
	c.writing.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, w := range c.everyone {
		if err := w.doc.Saved(ctx); err != nil {
			t.Fatalf("person %d: %v", i, err)
		}
	}
}

// hold compares the log with what was acked and with what each person heard,
// and returns how many ops it has.
func (c *company) hold(t *testing.T) int {
	t.Helper()
	total := c.appended()
	names := c.log(t)
	if len(names) != total {
		t.Errorf("the log has %d ops, want the %d that were acked", len(names), total)
	}
	for i, w := range c.everyone {
		others := total - w.own()
		await(t, fmt.Sprintf("person %d to have the %d ops of others", i, others), func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			n := len(w.heard)
			for name := range w.heard {
				if names[name] != string(w.doc.Actor()) {
					continue
				}
				n-- // own ops may come too, from the log
			}
			return n >= others
		})
		w.mu.Lock()
		for name, times := range w.heard {
			if _, ok := names[name]; !ok || times != 1 {
				t.Errorf("person %d heard %s %d times; in the log: %t", i, name, times, ok)
			}
		}
		if w.err != nil {
			t.Errorf("person %d: %v", i, w.err)
		}
		w.mu.Unlock()
	}
	return len(names)
}

func (w *person) own() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.appended
}

// log returns the names of the log's ops, with their actors.
func (c *company) log(t *testing.T) map[string]string {
	t.Helper()
	names := map[string]string{}
	for after, live := 0, false; !live; {
		status, body := fetch(t, c.place.http(t), fmt.Sprintf("%s/v1/docs/%s/ops?after=%d&access_token=%s", site, company20, after, secretToken(0)))
		var page struct {
			Ops []struct {
				Actor string
				Seq   uint64
			}
			Next int
			Live bool
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
			t.Fatalf("read the log: %d %v\n%.300s", status, err, body)
		}
		for _, op := range page.Ops {
			names[fmt.Sprintf("%s:%d", op.Actor, op.Seq)] = op.Actor
		}
		after, live = page.Next, page.Live
	}
	return names
}
