package main

import (
	"fmt"
	"net"

	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/auth"
)

// accessFlags say who may enter.
type accessFlags struct {
	Tokens         string   `placeholder:"FILE" help:"Who may do what: static tokens in JSON, read again when the file changes. Without it everyone may do everything."`
	InsecureNoAuth bool     `help:"Serve everyone who can reach the address, without tokens."`
	AllowOrigin    []string `placeholder:"ORIGIN" help:"Web origin whose pages may talk to this relay, such as https://app.example.com; may be given again. Pages of the relay's own origin always may."`
}

func (f *accessFlags) validate(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", listen, err)
	}
	if !isLoopback(host) && f.Tokens == "" && !f.InsecureNoAuth {
		return fmt.Errorf("--listen %s is open to other machines: give --tokens FILE to say who may enter, or --insecure-no-auth if everybody may", listen)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// open says that everyone on this machine may enter, and nobody else.
func (f *accessFlags) open(listen string) bool {
	host, _, _ := net.SplitHostPort(listen) // was validated
	return isLoopback(host) && f.Tokens == ""
}

// apply has the relay ask whoever connects.
func (f *accessFlags) apply(cfg *relay.Config) error {
	cfg.AllowOrigins = f.AllowOrigin
	if f.Tokens == "" {
		return nil
	}
	tokens, err := auth.OpenTokens(f.Tokens, cfg.Logger)
	if err != nil {
		return err
	}
	cfg.Auth = tokens
	return nil
}

// describe says in a few words who may enter at an address.
func (f *accessFlags) describe(at string) string {
	switch {
	case f.Tokens != "":
		return "by the tokens in " + f.Tokens
	case f.InsecureNoAuth:
		return "EVERYONE who reaches " + at + ", without a token"
	}
	return "everyone on this machine, without a token"
}
