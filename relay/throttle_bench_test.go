package relay

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// plenty are limits that count, and that nobody meets.
var plenty = wire.Limits{
	FramesPerS: 1 << 30, BytesPerS: 1 << 40, OpsPerS: 1 << 30, PresencePerS: 1 << 30, EventsPerS: 1 << 30,
	JoinsPerS: 1 << 30, RefusalsPerS: 1 << 30, BurstS: 1, HandshakesPerS: -1, AddressConnections: -1, SubjectConnections: -1,
}

// BenchmarkGuardedOp is an op from a socket to its ack, one at a time or 64 a
// frame, on a relay that asks nobody, one that knows its subjects, and one that
// limits them as well. The log keeps nothing: what remains is the relay's own
// work, and that of its client. An iteration is a frame; cpu-ns/one is the processor
// time of an op, which says more than the clock on a busy machine.
func BenchmarkGuardedOp(b *testing.B) {
	tokens := &tokenList{}
	tokens.set("", "ann", 0, writers["ann"])
	for _, ops := range []int{1, 64} {
		for _, guard := range []struct {
			name string
			cfg  Config
		}{
			{"nobody asked", Config{}},
			{"auth", Config{Auth: tokens}},
			{"auth and limits", Config{Auth: tokens, Throttle: true, Limits: plenty}},
		} {
			b.Run(fmt.Sprintf("%d a frame/%s", ops, guard.name), func(b *testing.B) { guarded(b, guard.cfg, ops) })
		}
	}
}

func guarded(b *testing.B, cfg Config, ops int) {
	log, err := bolt.Open(filepath.Join(b.TempDir(), "log.db"), bolt.Options{CommitInterval: -1})
	if err != nil {
		b.Fatal(err)
	}
	keepsNothing := &forgetful{Log: log}
	cfg.Log, cfg.CompactEvery = &hookedLog{Log: log, append: keepsNothing.append}, 1<<30
	srv := New(cfg)
	web := httptest.NewServer(srv)
	defer func() {
		srv.Close()
		web.Close()
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	}()
	c, err := net.Dial("tcp", strings.TrimPrefix(web.URL, "http://"))
	p := newRawPeer(b, c, err)
	_ = c.SetDeadline(time.Time{})
	p.shakeHands()
	p.write(text(`{"type":"join","doc":"d"}`))
	p.wantText(`"live"`)
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	var frame strings.Builder
	for seq := 0; b.Loop(); {
		frame.Reset()
		for range ops {
			seq++
			if frame.Len() > 0 {
				frame.WriteByte(',')
			}
			fmt.Fprintf(&frame, `{"actor":"a","seq":%d,"payload":"0123456789012345678901234567890123456789"}`, seq)
		}
		p.write(text(`{"type":"ops","doc":"d","ops":[` + frame.String() + `]}`))
		p.wantText(fmt.Sprintf(`"seq":%d,`, seq))
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(used)/float64(b.N*ops), "cpu-ns/one")
}

// BenchmarkLimits is what the limits alone cost: a frame that is counted, and its
// ops. An iteration is a frame; there is nothing to allocate.
func BenchmarkLimits(b *testing.B) {
	for _, ops := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d a frame", ops), func(b *testing.B) {
			cfg := Config{Throttle: true, Limits: plenty}
			cfg.fill()
			c := newCrowd(&cfg.Limits)
			ann := &auth.Identity{Subject: "ann", Docs: writers["ann"]}
			in, full := c.enter(netip.MustParseAddr("1.1.1.1"), ann)
			if full != nil {
				b.Fatal(full)
			}
			s := &session{identity: ann, budget: budget{&allowance{paces: c.paces}, in.shared, in.network}}
			m := &member{session: s}
			f := &wire.Frame{Type: wire.TypeOps, Doc: "d", Ops: make([]wire.Op, ops)}
			b.ReportAllocs()
			for b.Loop() {
				now := time.Now()
				if wait := s.chargeFrame(now, f, 200*ops); wait > 0 || len(m.afford(now, f.Ops, wait)) < ops {
					b.Fatal("a limit was met")
				}
			}
		})
	}
}
