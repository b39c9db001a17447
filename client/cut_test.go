package client_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/relay"
)

// proxy carries connections to a relay and cuts each after a random number of
// bytes, in the middle of whatever it carries, until it has cut often enough.
type proxy struct {
	target string
	ln     net.Listener
	ends   sync.WaitGroup

	mu   sync.Mutex
	rng  *rand.Rand
	left int // cuts to come
	open map[net.Conn]bool
}

func startProxy(t *testing.T, url string, seed uint64, cuts int) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		target: strings.TrimPrefix(url, "http://"), ln: ln,
		rng: rand.New(rand.NewPCG(seed, 0)), left: cuts, open: map[net.Conn]bool{},
	}
	p.ends.Go(p.serve)
	t.Cleanup(func() {
		_ = ln.Close()
		p.mu.Lock()
		for conn := range p.open {
			_ = conn.Close()
		}
		p.mu.Unlock()
		p.ends.Wait()
	})
	return p
}

func (p *proxy) url() string { return "ws://" + p.ln.Addr().String() }

func (p *proxy) serve() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		var budget atomic.Int64
		budget.Store(1 << 40)
		p.mu.Lock()
		p.open[near], p.open[far] = true, true
		if p.left > 0 {
			p.left--
			budget.Store(int64(100 + p.rng.ExpFloat64()*5000))
		}
		p.mu.Unlock()
		cut := func() {
			_ = near.Close()
			_ = far.Close()
		}
		carry := func(dst, src net.Conn) {
			defer cut()
			buf := make([]byte, 1500)
			for {
				n, err := src.Read(buf)
				if left := budget.Add(-int64(n)); left < 0 {
					n, err = max(0, n+int(left)), io.EOF
				}
				if _, werr := dst.Write(buf[:n]); err != nil || werr != nil {
					return
				}
			}
		}
		p.ends.Go(func() { carry(near, far) })
		p.ends.Go(func() { carry(far, near) })
	}
}

// Several clients write while their connections are cut at random: in the end
// all have the same ops, each once, in an order that respects their clocks.
func TestCutsLoseAndDoubleNothing(t *testing.T) {
	noLeaks(t)
	seeds := []uint64{1, 2, uint64(time.Now().UnixNano())}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { cutRun(t, seed) })
	}
}

func cutRun(t *testing.T, seed uint64) {
	const writers, each, cuts = 4, 120, 60
	url := startRelay(t, relay.Config{})
	p := startProxy(t, url, seed, cuts)
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			// The first connects may be among those that are cut.
			var conn *client.Conn
			for conn == nil {
				conn, _ = client.Dial(testContext(t), p.url(), client.Options{
					Logger: testLog(t), MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
				})
			}
			defer conn.Close()
			d, err := conn.Join(testContext(t), "notes", client.JoinOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			var writing sync.WaitGroup
			writing.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(w)))
				for i := range each {
					if _, err := d.Append(testContext(t), fmt.Appendf(nil, `{"w":%d,"i":%d}`, w, i)); err != nil {
						t.Error(err)
						return
					}
					if rng.IntN(5) == 0 {
						if err := d.Saved(testContext(t)); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
			checkOrder(t, d, (writers-1)*each)
			writing.Wait()
			if err := d.Saved(testContext(t)); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	late := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	checkOrder(t, late, writers*each)
	if got := late.Clock(); got.Len() != writers {
		t.Errorf("the log has ops of %d actors, want %d", got.Len(), writers)
	}
	p.mu.Lock()
	t.Logf("%d cuts", cuts-p.left)
	p.mu.Unlock()
}

// checkOrder receives n ops and holds them to their clocks, in the plainest way.
func checkOrder(t *testing.T, d *client.Doc, n int) {
	have := map[clock.Actor]uint64{}
	got := 0
	for u, err := range d.Updates(testContext(t)) {
		if err != nil || u.Refused != nil || u.Diverged != nil {
			t.Errorf("received %+v, %v", u, err)
			return
		}
		for _, op := range u.Ops {
			if op.Seq != have[op.Actor]+1 {
				t.Errorf("%v came after %d", op.Dot, have[op.Actor])
				return
			}
			for a, seq := range op.Clock.All() {
				if a != d.Actor() && have[a] < seq {
					t.Errorf("%v came before %s:%d", op.Dot, a, seq)
				}
			}
			have[op.Actor]++
		}
		if got += len(u.Ops); got >= n {
			break
		}
	}
	if got != n {
		t.Errorf("%d ops came, want %d", got, n)
	}
}
