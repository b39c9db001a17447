package relay

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// crowd is who is connected, by address and by subject, and what each of them
// may still do. Where nothing is limited it holds nobody.
type crowd struct {
	// static
	limits *wire.Limits
	// paces are those of one session, of all of a subject together, and of all in a
	// network that have no subject.
	paces, shared, network *[kinds]pace

	tidied time.Time // owned by forget's caller

	mu        sync.Mutex
	addresses map[netip.Prefix]*party // guarded by mu
	subjects  map[string]*party       // guarded by mu
}

// party is all connections of one address, of one network, or of one subject.
type party struct {
	// static
	what        string
	connections int       // that it may have; 0: any number
	allowance   allowance // what they share
	// Of an address or network. It may open more connections than begin handshakes,
	// so that it can be told to wait.
	handshakes, arrivals *rate.Limiter

	// guarded by crowd.mu
	open      int       // sessions, and requests under way
	strangers int       // of an address or network: connections that are not sessions
	used      time.Time // when one came or went last
}

func newCrowd(l *wire.Limits) *crowd {
	return &crowd{
		limits: l, paces: paces(l, 1), shared: paces(l, l.SubjectFactor), network: paces(l, l.SubjectFactor*networkFactor),
		addresses: map[netip.Prefix]*party{}, subjects: map[string]*party{},
	}
}

// off says that nothing is counted.
func (c *crowd) off() bool { return c.limits.SubjectFactor == 0 }

// areas returns what an address counts as: itself. Of IPv6 it counts as 64 bits,
// where a single subscriber has at least that (RFC 6177), and as 48 bits too:
// whoever asks for a network of their own gets one of that size, with 65,536 of
// the others in it.
func areas(a netip.Addr) []netip.Prefix {
	if !a.Is6() {
		p, _ := a.Prefix(a.BitLen()) // that of an address that is not known is the zero one
		return []netip.Prefix{p}
	}
	near, _ := a.Prefix(64)
	wide, _ := a.Prefix(48)
	return []netip.Prefix{near, wide}
}

// networkFactor is how many times as much as an address the 48 bits around it may.
// In some networks each phone has 64 bits, so it must not be small.
const networkFactor = 8

// from returns the parties of an address, the smallest first. c.mu is held.
func (c *crowd) from(a netip.Addr, now time.Time) []*party {
	parties := make([]*party, 0, 3) // one more for a subject
	for i, area := range areas(a) {
		p := c.addresses[area]
		if p == nil {
			p = c.newArea(i)
			c.addresses[area] = p
		}
		p.used = now
		parties = append(parties, p)
	}
	return parties
}

// newArea returns the party of an address, or of the network around it.
func (c *crowd) newArea(network int) *party {
	p := &party{what: "address", connections: c.limits.AddressConnections, allowance: allowance{paces: c.shared}}
	n := c.limits.HandshakesPerS
	if network > 0 {
		p.what, p.allowance.paces = "network", c.network
		p.connections *= networkFactor
		n *= networkFactor
	}
	if n > 0 {
		p.handshakes = rate.NewLimiter(rate.Limit(n), n*c.limits.BurstS)
		p.arrivals = rate.NewLimiter(rate.Limit(arrivalFactor*n), arrivalFactor*n*c.limits.BurstS)
	}
	return p
}

// subject returns the party of a subject. c.mu is held.
func (c *crowd) subject(name string, now time.Time) *party {
	p := c.subjects[name]
	if p == nil {
		p = &party{what: "subject", connections: c.limits.SubjectConnections, allowance: allowance{paces: c.shared}}
		c.subjects[name] = p
	}
	p.used = now
	return p
}

// knock counts n handshakes, or requests whose token was no good, and reports
// whether that address may make them. With 0 it says whether it may make one.
func (c *crowd) knock(a netip.Addr, n int) bool {
	if c.off() {
		return true
	}
	now := time.Now()
	c.mu.Lock()
	parties := c.from(a, now)
	c.mu.Unlock()
	for _, p := range parties {
		if p.handshakes == nil {
			continue
		}
		if n == 0 && p.handshakes.TokensAt(now) < 1 || !p.handshakes.AllowN(now, n) {
			return false
		}
	}
	return true
}

// seat is a connection's place in the crowd. The zero value is not counted.
type seat struct {
	crowd   *crowd
	parties []*party
	// shared and network are what it takes from beside its own allowance; nil where
	// that is not limited.
	shared, network *allowance
}

// enter counts a connection, or refuses it. Who may administer every document
// is never refused. leave must follow.
func (c *crowd) enter(a netip.Addr, id *auth.Identity) (seat, *later) {
	if c.off() {
		return seat{}, nil
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	in := seat{crowd: c, parties: c.from(a, now)}
	if id.Subject != "" {
		who := c.subject(id.Subject, now)
		in.shared = &who.allowance
		in.parties = append(in.parties, who)
	} else { // those without a name share what their address and network may do
		in.shared = &in.parties[0].allowance
		if len(in.parties) > 1 {
			in.network = &in.parties[1].allowance
		}
	}
	for _, p := range in.parties {
		if p.connections > 0 && p.open >= p.connections && !exempt(id) {
			return seat{}, &later{fmt.Sprintf("this %s has %d connections, as many as it may have", p.what, p.open), fullFor}
		}
	}
	for _, p := range in.parties {
		p.open++
	}
	return in, nil
}

// exempt reports whether somebody is not limited: who may administer every
// document could do worse than to send too much. Where nobody is asked for a name,
// everybody may do that, and nobody is exempt.
func exempt(id *auth.Identity) bool {
	return id.Subject != "" && id.Rights(everyDocument).Has(auth.Admin)
}

// leave ends the connection's place.
func (s *seat) leave() {
	if s.crowd == nil {
		return
	}
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	now := time.Now()
	for _, p := range s.parties {
		p.open--
		p.used = now
	}
}

// forget lets go of those who have no connection and whose buckets are full
// again: a new one is what they would have.
func (c *crowd) forget(now time.Time) {
	if now.Sub(c.tidied) < partyLife/8 {
		return
	}
	c.tidied = now
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, p := range c.addresses {
		if p.isOver(now) {
			delete(c.addresses, key)
		}
	}
	for key, p := range c.subjects {
		if p.isOver(now) {
			delete(c.subjects, key)
		}
	}
}

// isOver reports whether nothing is lost if the party is forgotten. How long that
// takes depends on the limits: a bucket that holds much and fills slowly outlives
// partyLife. crowd.mu is held.
func (p *party) isOver(now time.Time) bool {
	return p.open+p.strangers == 0 && now.Sub(p.used) > partyLife &&
		isFull(p.handshakes, now) && isFull(p.arrivals, now) && p.allowance.isFull(now)
}

// isFull reports whether a bucket is as it was made; nil is no bucket.
func isFull(b *rate.Limiter, now time.Time) bool {
	return b == nil || b.TokensAt(now) >= float64(b.Burst())
}

const arrivalFactor = 4

// partyLife is how long one who is gone is remembered at least.
const partyLife = 2 * time.Minute

// errKnocking answers an address that comes too often.
var errKnocking = &later{"too many connections were begun from this address; wait a moment", time.Second}

// fullFor is what is waited for until some connection may have ended.
const fullFor = 10 * time.Second
