package auth

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

// checkURL refuses addresses that others could answer for.
func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the address cannot be read as a URL") // the error would repeat it
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	local := host == "localhost" || ip != nil && ip.IsLoopback()
	if host == "" || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("%s must be an https URL; http will do on loopback only", NameOf(address))
	}
	if u.User != nil {
		return fmt.Errorf("%s must be without a user and password", NameOf(address))
	}
	return nil
}

// NameOf returns as much of an address as may be logged: its path and its query
// may hold a secret.
func NameOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	return u.Scheme + "://" + u.Host
}

// WithoutURL returns the error of a request without the address that it was sent
// to, which such errors repeat.
func WithoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
