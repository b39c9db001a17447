package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Origin is where pages come from that may talk to a relay: one web origin, such
// as https://app.example.com; all origins whose name ends in another, such as
// https://*.example.com; or every origin, *. Make one with [ParseOrigin].
type Origin struct {
	scheme string // in lower case; "null" where a page has no origin
	host   string // in lower case, an address in its shortest form
	port   string // empty for the scheme's own
	below  bool   // the names that end in "."+host, and not host itself
	every  bool   // all others are empty
}

// ParseOrigin reads an origin, with or without a slash at its end. It refuses
// what no browser ever sends, and a * that would let in pages of strangers.
func ParseOrigin(text string) (Origin, error) {
	if text == "*" {
		return Origin{every: true}, nil
	}
	scheme, name, ok := strings.Cut(text, "://*.")
	if !ok {
		return parseOrigin(text)
	}
	o, err := parseOrigin(scheme + "://" + name)
	if err != nil {
		return Origin{}, fmt.Errorf("%w (after *. in %s)", err, text)
	}
	if last := o.host[strings.LastIndexByte(o.host, '.')+1:]; strings.Contains(last, ":") || strings.Trim(last, "0123456789") == "" {
		return Origin{}, fmt.Errorf("%s: there are no names below an address", text)
	}
	// Whoever wants one gets a name below these: com, co.uk, github.io.
	suffix, listed := publicsuffix.PublicSuffix(o.host)
	if suffix == o.host && (listed || strings.Contains(suffix, ".")) {
		return Origin{}, fmt.Errorf("%s would let in pages of strangers: anybody can get a name below %s", text, o.host)
	}
	o.below = true
	return o, nil
}

// parseOrigin reads one origin, as browsers send it or nearly so.
func parseOrigin(text string) (Origin, error) {
	if text == "null" {
		return Origin{scheme: text}, nil
	}
	if !strings.Contains(text, "://") {
		return Origin{}, fmt.Errorf("%q is no origin: it needs a scheme, as in https://app.example.com", text)
	}
	u, err := url.Parse(text)
	if err != nil {
		return Origin{}, fmt.Errorf("read origin: %w", err)
	}
	switch {
	case u.Scheme == "file":
		return Origin{}, fmt.Errorf("%s matches no page: pages that are opened from a file have the origin null", text)
	case u.Scheme == "ws" || u.Scheme == "wss":
		return Origin{}, fmt.Errorf("%s matches no page: give the page's own address, which begins with http:// or https://", text)
	case u.Hostname() == "":
		return Origin{}, fmt.Errorf("%q names no host", text)
	case u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Origin{}, fmt.Errorf("%s matches no page: an origin has no path, query or user, only %s://%s", text, u.Scheme, u.Host)
	}
	o := Origin{scheme: u.Scheme}
	if o.host, err = asSent(u.Hostname()); err != nil {
		return Origin{}, fmt.Errorf("%s: %w", text, err)
	}
	if o.port = u.Port(); o.port != "" {
		n, err := strconv.ParseUint(o.port, 10, 16)
		if err != nil || n == 0 {
			return Origin{}, fmt.Errorf("%s: there is no port %s", text, o.port)
		}
		o.port = strconv.FormatUint(n, 10)
	}
	if o.port == defaultPorts[o.scheme] {
		o.port = ""
	}
	return o, nil
}

// defaultPorts are those that browsers leave out of an origin and of Host.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// asSent returns the name of a host as browsers send it.
func asSent(host string) (string, error) {
	if strings.Contains(host, "*") {
		return "", errors.New("* may stand alone, or for the whole beginning of a name, as in https://*.example.com")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.WithZone("").String(), nil // a page's origin never says a zone
	}
	name, err := host, error(nil)
	if strings.ContainsFunc(host, func(c rune) bool { return c >= utf8.RuneSelf }) {
		name, err = idna.Lookup.ToASCII(host)
	}
	name = strings.ToLower(name)
	if err != nil || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return "", fmt.Errorf("%q is no name of a host", host)
	}
	return name, nil
}

// String returns the origin as [ParseOrigin] reads it.
func (o Origin) String() string {
	switch {
	case o.every:
		return "*"
	case o.host == "":
		return o.scheme
	}
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if o.below {
		host = "*." + host
	}
	if o.port != "" {
		host += ":" + o.port
	}
	return o.scheme + "://" + host
}

// MarshalText implements [encoding.TextMarshaler].
func (o Origin) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Origin) UnmarshalText(text []byte) (err error) {
	*o, err = ParseOrigin(string(text))
	return err
}

// allows reports whether a page of an origin is meant.
func (o Origin) allows(page Origin) bool {
	return o.every || o.scheme == page.scheme && o.port == page.port && o.names(page.host)
}

// names reports whether a host is meant, whatever the scheme and the port.
func (o Origin) names(host string) bool {
	if o.below {
		return strings.HasSuffix(host, "."+o.host)
	}
	return host == o.host
}

// isAt reports whether a page of this origin came from the server that the client
// called by a name, as Host or X-Forwarded-Host say it. The scheme that the client
// used is not known here, so both default ports count as none.
func (o Origin) isAt(server string) bool {
	if defaultPorts[o.scheme] == "" {
		return false // such as an extension: pages of a relay come over http or https
	}
	host, port := hostAndPort(server)
	return host == o.host && (port == o.port || o.port == "" && (port == "80" || port == "443"))
}

// hostAndPort splits what stands in a Host header. The port may be empty.
func hostAndPort(server string) (host, port string) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = server, ""
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.String()
	}
	return host, port
}
