// Package admin reads and writes the documents of a running relay over HTTP,
// for tools. A [Relay] has the methods of [oplog.Log] that a tool needs, with
// the same promises as far as HTTP can keep them, so that a tool works on the
// file of a log and on a relay alike.
//
// What a relay answers is not trusted: it is held to the protocol and bounded,
// and what is cut, out of order or of another document is an error. A request
// that a cut or a busy relay ended is sent again for a while, where that is safe.
package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options adjusts how a relay is talked to. The zero value is a good choice for
// one that asks for no token.
type Options struct {
	// Token is what the relay knows the caller by.
	Token string
	// HTTPClient sends the requests. Redirects are not followed, whatever it
	// says: the token is for the relay alone. Default: one of its own.
	HTTPClient *http.Client
	// Patience is how long a relay may be away, refuse for the moment, or send
	// nothing of an answer that it began, before it is given up. Default 1 min.
	Patience time.Duration
}

// Relay is the documents of one running relay. Its methods may be called from
// many goroutines at once.
type Relay struct {
	// static after construction
	base     string // URL without a / at its end
	token    string
	http     *http.Client
	patience time.Duration
}

// Open returns the relay at url, which is ws://, wss://, http:// or https://, with
// or without the path of its socket. A user and password in it are for a proxy
// before the relay. Nothing is sent yet.
func Open(relayURL string, o Options) (*Relay, error) {
	base, err := baseURL(relayURL)
	if err != nil {
		return nil, fmt.Errorf("open relay: %w", err)
	}
	var c http.Client
	if o.HTTPClient != nil {
		c = *o.HTTPClient
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		c.Transport = t.Clone()
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Relay{base: base, token: o.Token, http: &c, patience: cmp.Or(o.Patience, time.Minute)}, nil
}

func baseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	scheme, ok := map[string]string{"ws": "http", "http": "http", "wss": "https", "https": "https"}[u.Scheme]
	switch {
	case !ok:
		return "", fmt.Errorf("%q must begin with ws://, wss://, http:// or https://", s)
	case u.Host == "":
		return "", fmt.Errorf("%q names no host", s)
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("the URL of a relay at %s has nothing but a host and a path; a token is given apart", u.Host)
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v1/ws")
	return (&url.URL{Scheme: scheme, User: u.User, Host: u.Host, Path: path}).String(), nil
}

// Close lets go of idle connections. Requests under way go on.
func (r *Relay) Close() error {
	r.http.CloseIdleConnections()
	return nil
}
