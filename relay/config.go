package relay

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/webhook"
	"github.com/baton-relay/baton/relay/wire"
)

// Config is what a relay is made of. All but Log may be left zero.
type Config struct {
	// Log keeps the ops. The relay does not close it.
	Log oplog.Log
	// Auth says who may do what; nil gives everyone every right.
	Auth auth.Authorizer
	// Revoked is the tokens that Auth would take and that count no longer; nil
	// remembers what is revoked until the relay ends.
	Revoked *auth.Revoked
	// Backend, where it is not nil, is asked beside Auth what somebody may do in a
	// document, and may take rights away.
	Backend *auth.Backend
	// Logger takes what an operator should know; nil discards it.
	Logger *slog.Logger
	// LogLinesLost says how many lines Logger could not write, for the metrics; nil
	// leaves that out.
	LogLinesLost func() uint64
	// Limits; each that is zero has its default, see [Defaults], and each that is
	// negative is off, where the protocol has that.
	Limits wire.Limits
	// Throttle has rates count, and how many connections an address or a subject
	// has. Without it those limits are 0 in every welcome.
	Throttle bool
	// MaxSessions is how many sessions there may be in all; 0 is no limit. Each is an
	// open file.
	MaxSessions int
	// TrustedProxies are the networks whose word counts on whom they speak for:
	// the headers X-Forwarded-For and X-Forwarded-Host.
	TrustedProxies []netip.Prefix
	// AllowOrigins are the web origins, beside the relay's own, whose pages may
	// talk to it.
	AllowOrigins []Origin
	// Heartbeat is how often a session is pinged (25 s). One that shows no sign
	// of life for two of them is closed.
	Heartbeat time.Duration
	// PresenceInterval is how often presence is flushed (33 ms), less often in
	// large rooms.
	PresenceInterval time.Duration
	// WriteTimeout is how long a peer may take no byte at all (2 min). TCP opens a
	// window again only when a whole segment fits: on loopback, with segments of
	// 64 KiB, a reader of 1 kB/s takes nothing for a minute at a time.
	WriteTimeout time.Duration
	// IncomingBytes bounds the memory of frames that have begun to come and are not
	// whole yet, of all sessions together (64 MiB, and at least four frames). Beyond
	// it sessions are closed with 1013, of whoever holds the most of it.
	IncomingBytes int
	// CompactEvery is after how many ops behind the newest snapshot a session is asked
	// for one (2,000).
	CompactEvery int
	// Webhooks is told what happens to documents; nil tells nobody. The relay does
	// not close it.
	Webhooks *webhook.Queue
	// Home serves what the protocol does not: the page at /. Nil is 404.
	Home http.Handler
	// MetricsApart leaves /metrics to [Server.Operations]. Without it, who has the
	// right admin in every document may read it beside all else.
	MetricsApart bool
	// Version is what welcome says of the server.
	Version string
}

// DefaultIncomingBytes is [Config.IncomingBytes] where that is not set.
const DefaultIncomingBytes = 64 << 20

// Defaults returns the limits of a relay that sets none and throttles.
func Defaults() wire.Limits {
	return wire.Limits{
		FrameBytes:       wire.DefaultFrameBytes,
		OpBytes:          wire.OpBytes(wire.DefaultFrameBytes),
		OpsPerFrame:      512,
		ClockEntries:     wire.DefaultClockEntries,
		UnackedOps:       4096,
		ServerFrameBytes: 1<<20 + 256<<10,
		Docs:             64,
		PresenceBytes:    16 << 10,
		PresenceHz:       30,

		Participants: 5000,
		DocBytes:     1 << 30,
		Actors:       2048,
		DocActors:    16_384, // a clock of so many fits a frame

		FramesPerS:   200,
		BytesPerS:    256 << 10,
		OpsPerS:      200,
		PresencePerS: 60,
		EventsPerS:   30,
		JoinsPerS:    20,
		RefusalsPerS: 50,
		BurstS:       10,

		SubjectFactor:      4,
		SubjectConnections: 100,
		AddressConnections: 2000,
		HandshakesPerS:     100,
	}
}

func (c *Config) fill() {
	d := Defaults()
	l := &c.Limits
	l.FrameBytes = cmp.Or(l.FrameBytes, d.FrameBytes)
	l.OpBytes = min(cmp.Or(l.OpBytes, l.FrameBytes), wire.OpBytes(l.FrameBytes))
	l.OpsPerFrame = cmp.Or(l.OpsPerFrame, d.OpsPerFrame)
	l.ClockEntries = cmp.Or(l.ClockEntries, d.ClockEntries)
	l.UnackedOps = cmp.Or(l.UnackedOps, d.UnackedOps)
	l.ServerFrameBytes = cmp.Or(l.ServerFrameBytes, l.FrameBytes+256<<10)
	l.Docs = cmp.Or(l.Docs, d.Docs)
	l.PresenceBytes = min(cmp.Or(l.PresenceBytes, d.PresenceBytes), l.FrameBytes/2)
	c.fillCaps(&d)
	c.Heartbeat = cmp.Or(c.Heartbeat, 25*time.Second)
	c.PresenceInterval = cmp.Or(c.PresenceInterval, 33*time.Millisecond)
	l.PresenceHz = cmp.Or(l.PresenceHz, max(1, int(time.Second/c.PresenceInterval)))
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 2*time.Minute)
	c.IncomingBytes = max(cmp.Or(c.IncomingBytes, DefaultIncomingBytes), 4*l.FrameBytes)
	c.CompactEvery = cmp.Or(c.CompactEvery, 2000)
	c.Version = cmp.Or(c.Version, "dev")
	if c.Auth == nil {
		c.Auth = auth.Everyone{}
	}
	if c.Revoked == nil {
		c.Revoked, _ = auth.OpenRevoked("", nil) // reads nothing, so it cannot fail
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// fillCaps is fill for the limits that can be off.
func (c *Config) fillCaps(d *wire.Limits) {
	l := &c.Limits
	set := func(limit *int, std int) { *limit = max(0, cmp.Or(*limit, std)) }
	set(&l.Participants, d.Participants)
	set(&l.DocBytes, d.DocBytes)
	set(&l.Actors, d.Actors)
	set(&l.DocActors, d.DocActors)
	if !c.Throttle {
		l.FramesPerS, l.BytesPerS, l.OpsPerS, l.PresencePerS = 0, 0, 0, 0
		l.EventsPerS, l.JoinsPerS, l.RefusalsPerS, l.BurstS = 0, 0, 0, 0
		l.SubjectFactor, l.SubjectConnections, l.AddressConnections, l.HandshakesPerS = 0, 0, 0, 0
		return
	}
	set(&l.FramesPerS, d.FramesPerS)
	set(&l.BytesPerS, d.BytesPerS)
	set(&l.OpsPerS, d.OpsPerS)
	set(&l.PresencePerS, d.PresencePerS)
	set(&l.EventsPerS, d.EventsPerS)
	set(&l.JoinsPerS, d.JoinsPerS)
	set(&l.RefusalsPerS, d.RefusalsPerS)
	set(&l.SubjectConnections, d.SubjectConnections)
	set(&l.AddressConnections, d.AddressConnections)
	set(&l.HandshakesPerS, d.HandshakesPerS)
	l.BurstS = max(1, cmp.Or(l.BurstS, d.BurstS))
	l.SubjectFactor = max(1, cmp.Or(l.SubjectFactor, d.SubjectFactor))
}
