package relay

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// source is where a request comes from.
type source struct {
	addr netip.Addr // not valid where it is not known
	// hosts are the names that the client may have used, with the port: several
	// where proxies before the trusted one added theirs.
	hosts []string
	// proxied says that a trusted proxy speaks for the client.
	proxied bool
}

// sourceOf tells where a request comes from: the other end of the connection or,
// where that is a trusted proxy, whom it names. Of several addresses the last
// counts that is not of a trusted proxy: what stands before it, the client may
// have written itself.
func (s *Server) sourceOf(r *http.Request) source {
	p := source{hosts: []string{r.Host}}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.addr = from.Addr().Unmap()
	}
	hops := r.Header.Values("X-Forwarded-For")
	if len(hops) == 0 {
		return p
	}
	if !s.trusts(p.addr) {
		s.warnOfProxy(p.addr)
		return p
	}
	p.proxied = true
	for _, hop := range slices.Backward(strings.Split(strings.Join(hops, ","), ",")) {
		addr, ok := parseHop(hop)
		if !ok {
			break // by whatever wrote this; before it nobody can be believed
		}
		if p.addr = addr; !s.trusts(addr) {
			break
		}
	}
	if hosts := listed(r.Header.Values("X-Forwarded-Host")); len(hosts) > 0 {
		p.hosts = hosts
	}
	return p
}

// listed returns the elements of a header that is a list. No page can set
// X-Forwarded-Host (a browser asks the relay first, which says no): so all of them
// may be compared with a page's origin.
func listed(lines []string) (all []string) {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			if element = strings.TrimSpace(element); element != "" {
				all = append(all, element)
			}
		}
	}
	return all
}

// warnOfProxy tells an operator, once, of what would be felt later: all who come
// through a proxy that is not trusted have one address, and share its limits.
func (s *Server) warnOfProxy(a netip.Addr) {
	if !s.cfg.Throttle {
		return
	}
	s.proxyTold.Do(func() {
		s.slog.Warn("somebody who is no trusted proxy says for whom it speaks; all who come through it are one address, with the limits of one", logRemote, a)
	})
}

// parseHop reads an address as proxies write them: some with a port.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap(), err == nil
}

func (s *Server) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}
