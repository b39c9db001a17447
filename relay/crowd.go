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
	// paces are those of one session, and of all of a subject together.
	paces, shared *[kinds]pace

	tidied time.Time // owned by forget's caller

	mu        sync.Mutex
	addresses map[netip.Prefix]*party // guarded by mu
	subjects  map[string]*party       // guarded by mu
}

// party is all connections of one address, or of one subject.
type party struct {
	allowance allowance // what they share
	// Of an address; static. It may open more connections than begin handshakes,
	// so that it can be told to wait.
	handshakes, arrivals *rate.Limiter

	// guarded by crowd.mu
	connections int       // sessions, and requests under way
	strangers   int       // of an address: connections that are not sessions
	used        time.Time // when one came or went last
}

func newCrowd(l *wire.Limits) *crowd {
	return &crowd{
		limits: l, paces: paces(l, 1), shared: paces(l, l.SubjectFactor),
		addresses: map[netip.Prefix]*party{}, subjects: map[string]*party{},
	}
}

// off says that nothing is counted.
func (c *crowd) off() bool { return c.limits.SubjectFactor == 0 }

// neighbourhood is what counts as one address: of IPv6, where a single
// subscriber has at least that (RFC 6177), 64 bits.
func neighbourhood(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // that of an address that is not known is the zero one
	return p
}

// address returns the party of an address. c.mu is held.
func (c *crowd) address(a netip.Addr, now time.Time) *party {
	key := neighbourhood(a)
	p := c.addresses[key]
	if p == nil {
		p = &party{allowance: allowance{paces: c.shared}}
		if n := c.limits.HandshakesPerS; n > 0 {
			p.handshakes = rate.NewLimiter(rate.Limit(n), n*c.limits.BurstS)
			p.arrivals = rate.NewLimiter(rate.Limit(arrivalFactor*n), arrivalFactor*n*c.limits.BurstS)
		}
		c.addresses[key] = p
	}
	p.used = now
	return p
}

// subject returns the party of a subject. c.mu is held.
func (c *crowd) subject(name string, now time.Time) *party {
	p := c.subjects[name]
	if p == nil {
		p = &party{allowance: allowance{paces: c.shared}}
		c.subjects[name] = p
	}
	p.used = now
	return p
}

// knock counts a handshake, or a request whose token was no good, and reports
// whether that address may make one.
func (c *crowd) knock(a netip.Addr, n int) bool {
	if c.off() {
		return true
	}
	now := time.Now()
	c.mu.Lock()
	p := c.address(a, now)
	c.mu.Unlock()
	switch {
	case p.handshakes == nil:
		return true
	case n == 0:
		return p.handshakes.TokensAt(now) >= 1
	}
	return p.handshakes.AllowN(now, n)
}

// seat is a connection's place in the crowd. The zero value is not counted.
type seat struct {
	crowd   *crowd
	parties []*party
	shared  *allowance // nil where nothing is limited
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
	from := c.address(a, now)
	in := seat{crowd: c, parties: []*party{from}, shared: &from.allowance}
	if id.Subject != "" { // those without a name share what their address may do
		who := c.subject(id.Subject, now)
		in.parties, in.shared = append(in.parties, who), &who.allowance
	}
	for i, most := range []int{c.limits.AddressConnections, c.limits.SubjectConnections}[:len(in.parties)] {
		if most > 0 && in.parties[i].connections >= most && !exempt(id) {
			of := [...]string{"address", "subject"}[i]
			return seat{}, &later{fmt.Sprintf("there are %d connections of this %s, as many as it may have", most, of), fullFor}
		}
	}
	for _, p := range in.parties {
		p.connections++
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
		p.connections--
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
	old := func(p *party) bool { return p.connections+p.strangers == 0 && now.Sub(p.used) > partyLife }
	for key, p := range c.addresses {
		if old(p) {
			delete(c.addresses, key)
		}
	}
	for key, p := range c.subjects {
		if old(p) {
			delete(c.subjects, key)
		}
	}
}

const arrivalFactor = 4

// partyLife is how long one who is gone is remembered. By the default limits no
// bucket takes longer to be full again.
const partyLife = 2 * time.Minute

// errKnocking answers an address that comes too often.
var errKnocking = &later{"too many connections were begun from this address; wait a moment", time.Second}

// fullFor is what is waited for until some connection may have ended.
const fullFor = 10 * time.Second
