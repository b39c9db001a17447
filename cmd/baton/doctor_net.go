package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

// checkAddresses asks whether each address that is to be listened on can be, or
// is by a relay.
func checkAddresses(ctx context.Context, x *examination) []finding {
	var found []finding
	for _, s := range x.all {
		if s.flag.PlaceHolder != "ADDR" || s.value().String() == "" {
			continue
		}
		for _, f := range x.checkAddress(ctx, s.value().String()) {
			f.Says = s.flag.Name + " " + f.Says
			found = append(found, f)
		}
	}
	return found
}

func (x *examination) checkAddress(ctx context.Context, addr string) []finding {
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		_ = l.Close()
		return good("%s can be listened on", addr)
	case errors.Is(err, syscall.EADDRINUSE):
		if x.isRelay(ctx, localAddress(addr)) {
			return good("%s is a running relay's", addr)
		}
		return bad(stateFail, "end what has it (ss -ltnp says what), or take another", "%s is taken, not by a relay", addr)
	case errors.Is(err, fs.ErrPermission):
		return bad(stateFail, "give a port from 1024 on, or the right: AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit", "%s is not for this user", addr)
	}
	return bad(stateFail, "give an address of this machine", "%s: %v", addr, err)
}

// isRelay reports whether what listens there answers as a relay does.
func (x *examination) isRelay(ctx context.Context, addr string) bool {
	for _, scheme := range []string{"http", "https"} {
		if status, err := x.ask(ctx, scheme+"://"+addr+"/healthz"); err == nil && status == http.StatusOK {
			return true
		}
	}
	return false
}

// ask returns the status of an answer.
func (x *examination) ask(ctx context.Context, url string) (int, error) {
	resp, err := x.get(ctx, url)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}

func (x *examination) get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := x.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.CopyN(io.Discard, resp.Body, 1<<20)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return resp, err
}

// localAddress is where this machine reaches what listens on an address.
func localAddress(listen string) string {
	host, port, _ := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// checkURLs asks every address that a setting names, and what time it is there.
func checkURLs(ctx context.Context, x *examination) []finding {
	var found []finding
	for _, s := range x.all {
		if s.flag.PlaceHolder != "URL" || s.isSecret() {
			continue
		}
		for _, url := range s.texts() {
			for _, f := range x.checkURL(ctx, url) {
				f.Says = s.flag.Name + " " + f.Says
				found = append(found, f)
			}
		}
	}
	return found
}

func (x *examination) checkURL(ctx context.Context, url string) []finding {
	began := time.Now()
	resp, err := x.get(ctx, url)
	url = auth.NameOf(url) // what doctor says is shown to others
	if err != nil {
		return bad(stateFail, "see that this machine reaches it", "%s does not answer: %v", url, auth.WithoutURL(err))
	}
	took := time.Since(began)
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		if apart := at.Sub(began); apart > x.skew || apart < -x.skew {
			return bad(stateFail, "set the clocks: chrony or systemd-timesyncd; tokens are valid by them",
				"%s: its clock and this one are %v apart", url, apart.Abs().Round(time.Second))
		}
	}
	if resp.StatusCode >= 500 {
		return bad(stateWarn, "see what is wrong there", "%s answers %d", url, resp.StatusCode)
	}
	if resp.StatusCode >= 400 {
		return bad(stateWarn, "right where it takes POST alone; else look at the address", "%s answers a GET with %d", url, resp.StatusCode)
	}
	return good("%s answers %d after %v", url, resp.StatusCode, took.Round(time.Millisecond))
}
