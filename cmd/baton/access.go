package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/auth"
)

// accessFlags say who may enter.
type accessFlags struct {
	Tokens         string         `placeholder:"FILE" help:"Who may do what: static tokens in JSON, read again when the file changes. Without tokens of any kind everyone may do everything."`
	InsecureNoAuth bool           `help:"Serve everyone who can reach the address, without tokens."`
	AllowOrigin    []relay.Origin `placeholder:"ORIGIN" help:"Web origin whose pages may talk to this relay, such as https://app.example.com, or https://*.example.com for all names below one; may be given again. Pages of the relay's own origin always may."`

	JWTKey          string        `name:"jwt-key" placeholder:"FILE" help:"Take JSON Web Tokens signed (HS256) with the secret in this file, 32 bytes or more; 'baton token --new-key FILE' makes one."`
	JWTPublicKey    string        `name:"jwt-public-key" placeholder:"FILE" help:"Take JSON Web Tokens signed by the owner of one of the public keys in this PEM file (RS256, PS256, ES256, ES384, EdDSA)."`
	JWKS            string        `name:"jwks" placeholder:"URL" help:"Take JSON Web Tokens signed by a key of the key set at this https address, which is read again every minute."`
	JWTAudience     []string      `name:"jwt-audience" placeholder:"NAME" help:"A name of this relay, one of which must be in a token's aud claim; may be given again. '*' takes tokens for anybody. Without it only tokens that have no aud are taken."`
	JWTIssuer       string        `name:"jwt-issuer" placeholder:"NAME" help:"What a token's iss claim must be. Without it any will do."`
	JWTSubjectClaim string        `name:"jwt-subject-claim" default:"sub" placeholder:"CLAIM" help:"Claim that says who somebody is, for 'by' and 'user.id', which all participants see. (${default})"`
	JWTNameClaim    string        `name:"jwt-name-claim" default:"name" placeholder:"CLAIM" help:"Claim with the name that people see. (${default})"`
	JWTDocsClaim    string        `name:"jwt-docs-claim" default:"docs" placeholder:"CLAIM" help:"Claim with the rights, of the shape {\"board-*\":[\"read\",\"write\"]}. (${default})"`
	JWTSkew         time.Duration `name:"jwt-skew" default:"30s" placeholder:"TIME" help:"How far the issuer's clock may differ from this one's, at most 2m. (${default})"`

	Anonymous     string `default:"none" enum:"none,read,write" help:"What somebody without a token may do: none, read, or write (read, write, be present). (${default})"`
	AnonymousDocs string `default:"*" placeholder:"PATTERN" help:"In which documents: a name, or the beginning of names with * behind it. (${default})"`

	Authorizer        string        `placeholder:"URL" help:"Ask this https address too what somebody may do in a document; it can take away rights that the token gives. Without its answer nobody enters."`
	AuthorizerTimeout time.Duration `default:"3s" placeholder:"TIME" help:"How long its answer may take, at most 10s. (${default})"`
	AuthorizerCache   time.Duration `default:"1m" placeholder:"TIME" help:"How long its answer counts before it is asked again, while somebody stays too. (${default})"`
	AuthorizerSecret  string        `placeholder:"FILE" help:"File with a word that is sent to it as a bearer token, so that it knows who asks."`
}

func (f *accessFlags) validate(listen string) error {
	if err := validAddress("listen", listen); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", listen, err)
	}
	switch {
	case !isLoopback(host) && !f.asks() && !f.InsecureNoAuth:
		return fmt.Errorf("--listen %s is open to other machines: give --tokens FILE (or --jwt-key, --jwt-public-key, --jwks, --anonymous) to say who may enter, or --insecure-no-auth if everybody may", listen)
	case f.asks() && f.InsecureNoAuth:
		return errors.New("--insecure-no-auth lets everybody in, but other flags say who may; leave it out")
	case f.JWTSkew < 0 || f.JWTSkew > auth.MaxSkew:
		return fmt.Errorf("--jwt-skew must be from 0s to %v", auth.MaxSkew)
	case strings.Contains(strings.TrimSuffix(f.AnonymousDocs, "*"), "*") || f.AnonymousDocs == "":
		return fmt.Errorf("--anonymous-docs %s: * may only stand at the end", f.AnonymousDocs)
	}
	if err := f.validateJWT(); err != nil {
		return err
	}
	return f.validateAuthorizer()
}

func (f *accessFlags) validateAuthorizer() error {
	switch {
	case f.Authorizer == "" && f.AuthorizerSecret != "":
		return errors.New("--authorizer-secret needs --authorizer")
	case f.Authorizer != "" && !f.asks():
		return errors.New("--authorizer can only take rights away: say by --tokens, --jwt-key, --jwt-public-key, --jwks or --anonymous who has any")
	case f.AuthorizerTimeout < 10*time.Millisecond || f.AuthorizerTimeout > 10*time.Second:
		return errors.New("--authorizer-timeout must be from 10ms to 10s")
	case f.AuthorizerCache < time.Second || f.AuthorizerCache > 24*time.Hour:
		return errors.New("--authorizer-cache must be from 1s to 24h")
	}
	return nil
}

func (f *accessFlags) validateJWT() error {
	given := 0
	for _, flag := range []string{f.JWTKey, f.JWTPublicKey, f.JWKS} {
		if flag != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return errors.New("give one of --jwt-key, --jwt-public-key and --jwks: each algorithm has its own kind of key, and only one kind counts")
	case given == 0 && (len(f.JWTAudience) > 0 || f.JWTIssuer != ""):
		return errors.New("--jwt-audience and --jwt-issuer need --jwt-key, --jwt-public-key or --jwks")
	case f.JWTKey == "" && given > 0 && len(f.JWTAudience) == 0:
		return errors.New("whoever signs with that key may sign tokens for others too: say by --jwt-audience NAME which are for this relay, or --jwt-audience '*' if all are")
	}
	return nil
}

// asks reports whether anybody is asked for a token.
func (f *accessFlags) asks() bool { return f.Tokens != "" || f.takesJWT() || f.Anonymous != "none" }

func (f *accessFlags) takesJWT() bool { return f.JWTKey != "" || f.JWTPublicKey != "" || f.JWKS != "" }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// open says that everyone on this machine may enter, and nobody else.
func (f *accessFlags) open(listen string) bool {
	host, _, _ := net.SplitHostPort(listen) // was validated
	return isLoopback(host) && !f.asks()
}

// apply has the relay ask whoever connects. end ends what that runs.
func (f *accessFlags) apply(cfg *relay.Config) (end func(), err error) {
	cfg.AllowOrigins = f.AllowOrigin
	end = func() {}
	if !f.asks() {
		return end, nil
	}
	chain := new(auth.Chain)
	if f.Tokens != "" {
		if chain.Tokens, err = auth.OpenTokens(f.Tokens, cfg.Logger); err != nil {
			return nil, err
		}
	}
	switch f.Anonymous {
	case "read":
		chain.Anonymous = &auth.Identity{Docs: auth.Patterns{f.AnonymousDocs: auth.Read}}
	case "write":
		chain.Anonymous = &auth.Identity{Docs: auth.Patterns{f.AnonymousDocs: auth.Read | auth.Write | auth.Presence}}
	}
	if f.takesJWT() {
		if chain.JWT, err = auth.OpenJWT(f.jwt(cfg)); err != nil {
			return nil, err
		}
		end = chain.JWT.Close
	}
	cfg.Auth = chain
	if f.Authorizer == "" {
		return end, nil
	}
	cfg.Backend, err = auth.OpenBackend(auth.AskConfig{
		URL: f.Authorizer, Timeout: f.AuthorizerTimeout, Cache: f.AuthorizerCache, SecretFile: f.AuthorizerSecret,
	})
	if err != nil {
		end()
		return nil, err
	}
	return func() {
		end()
		cfg.Backend.Close()
	}, nil
}

func (f *accessFlags) jwt(cfg *relay.Config) auth.JWTConfig {
	var unsaid auth.Patterns
	if f.Authorizer != "" {
		unsaid = auth.Patterns{"*": auth.All &^ auth.Admin} // of which the authorizer leaves what it likes
	}
	return auth.JWTConfig{
		WithoutDocs: unsaid,
		KeyFile:     f.JWTKey, PublicKeyFile: f.JWTPublicKey, JWKS: f.JWKS,
		Audience: f.JWTAudience, Issuer: f.JWTIssuer,
		SubjectClaim: f.JWTSubjectClaim, NameClaim: f.JWTNameClaim, DocsClaim: f.JWTDocsClaim,
		Skew: f.JWTSkew, Logger: cfg.Logger,
	}
}

// describe says in a few words who may enter at an address.
func (f *accessFlags) describe(at string) string {
	var ways []string
	if f.Tokens != "" {
		ways = append(ways, "by the tokens in "+f.Tokens)
	}
	for _, source := range []string{f.JWTKey, f.JWTPublicKey} {
		if source != "" {
			ways = append(ways, "by JSON Web Tokens, checked with "+source)
		}
	}
	if f.JWKS != "" {
		ways = append(ways, "by JSON Web Tokens, checked with the key set of "+auth.NameOf(f.JWKS))
	}
	if f.Anonymous != "none" {
		ways = append(ways, "without a token to "+f.Anonymous+" "+f.AnonymousDocs)
	}
	switch {
	case len(ways) > 0:
		return strings.Join(ways, "; ")
	case f.InsecureNoAuth:
		return "EVERYONE who reaches " + at + ", without a token"
	}
	return "everyone on this machine, without a token"
}
