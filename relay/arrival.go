package relay

import (
	"net"
	"net/http"
	"net/netip"
	"time"
)

// ConnState is for [http.Server.ConnState]. It hangs up on an address that has
// too many connections that are not sessions yet, or that opens them faster than
// it can be told so: before TLS, and before a header is read. Where nothing is
// throttled, and for trusted proxies, it does nothing.
func (s *Server) ConnState(c net.Conn, state http.ConnState) {
	if s.crowd.off() || state == http.StateActive || state == http.StateIdle {
		return
	}
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || s.trusts(at.Addr().Unmap()) {
		return
	}
	if state != http.StateNew {
		s.crowd.gone(at.Addr().Unmap())
		return
	}
	if !s.crowd.arrive(at.Addr().Unmap()) {
		s.meters.hungUp.Inc()
		_ = c.Close() // its server finds out as it reads
	}
}

// arrive counts a connection that begins, and reports whether it may go on.
// gone must follow, either way.
func (c *crowd) arrive(a netip.Addr) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	may := true
	for _, p := range c.from(a, now) {
		p.strangers++
		many := p.connections > 0 && p.strangers > p.connections
		may = may && !many && (p.arrivals == nil || p.arrivals.AllowN(now, 1))
	}
	return may
}

// gone ends what arrive counted: the connection ended, or became a session.
func (c *crowd) gone(a netip.Addr) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.from(a, now) {
		p.strangers = max(0, p.strangers-1) // it may have come before its server counted
	}
}
