package auth

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// maxClaim bounds, in bytes, what a token says of its subject's name and of its
// own.
const maxClaim = 256

// header is the part of a JSON Web Token that says how it was made.
type header struct {
	alg string
	kid string
}

// errHeader is for headers that ask for what is not done here.
var errHeader = errors.New("header")

// parseHeader reads a token's header strictly: each name once, and nothing that
// would change what the token means.
func parseHeader(segment string) (*header, error) {
	var h header
	text, err := jwt.NewParser(jwt.WithStrictDecoding()).DecodeSegment(segment)
	if err != nil {
		return nil, err
	}
	var all map[string]jsontext.Value
	if err := json.Unmarshal(text, &all); err != nil || all == nil {
		return nil, fmt.Errorf("%w is no JSON object: %w", errHeader, err)
	}
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if _, ok := all[name]; ok {
			return nil, fmt.Errorf("%w has %q", errHeader, name)
		}
	}
	typ := ""
	for name, into := range map[string]*string{"alg": &h.alg, "kid": &h.kid, "typ": &typ} {
		value, ok := all[name]
		if !ok {
			continue
		}
		if *into, err = text256(value); err != nil {
			return nil, fmt.Errorf("%w: %q %w", errHeader, name, err)
		}
	}
	if typ = strings.TrimPrefix(strings.ToLower(typ), "application/"); !slices.Contains([]string{"", "jwt", "at+jwt"}, typ) {
		return nil, fmt.Errorf("%w: the type is %q, neither JWT nor at+jwt", errHeader, typ)
	}
	return &h, nil
}

// claims is what a token says. It implements [jwt.Claims].
type claims struct {
	raw           []byte
	all           map[string]jsontext.Value
	exp, nbf, iat *jwt.NumericDate
	aud           jwt.ClaimStrings
	iss           string
}

// UnmarshalJSON reads claims strictly: an object, each name once at every depth,
// and each registered claim of the type that RFC 7519 gives it.
func (c *claims) UnmarshalJSON(text []byte) (err error) {
	c.raw = slices.Clone(text)
	if err := json.Unmarshal(c.raw, &c.all); err != nil {
		return err
	}
	if c.all == nil {
		return errors.New("the claims are no object")
	}
	for name, into := range map[string]**jwt.NumericDate{"exp": &c.exp, "nbf": &c.nbf, "iat": &c.iat} {
		value, ok := c.all[name]
		if !ok {
			continue
		}
		if *into, err = date(value); err != nil {
			return fmt.Errorf("claim %q %w", name, err)
		}
	}
	if value, ok := c.all["iss"]; ok {
		if c.iss, err = text256(value); err != nil {
			return fmt.Errorf(`claim "iss" %w`, err)
		}
	}
	if value, ok := c.all["aud"]; ok {
		if c.aud, err = audience(value); err != nil {
			return fmt.Errorf(`claim "aud" %w`, err)
		}
	}
	return nil
}

// GetExpirationTime implements [jwt.Claims], as the others do.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.exp, nil }

// GetIssuedAt is iat.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) { return c.iat, nil }

// GetNotBefore is nbf.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return c.nbf, nil }

// GetIssuer is iss.
func (c *claims) GetIssuer() (string, error) { return c.iss, nil }

// GetSubject is not asked: which claim names the subject is configured.
func (c *claims) GetSubject() (string, error) { return "", nil }

// GetAudience is aud.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return c.aud, nil }

// text256 reads a string of 1 to 256 bytes.
func text256(v jsontext.Value) (string, error) {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil || s == "" || len(s) > maxClaim {
		return "", fmt.Errorf("must be a string of 1 to %d bytes", maxClaim)
	}
	return s, nil
}

// maxDate is the end of the year 9999, the last that RFC 3339 can write.
const maxDate = 253402300799

// date reads a NumericDate: seconds since 1970.
func date(v jsontext.Value) (*jwt.NumericDate, error) {
	seconds, err := strconv.ParseFloat(string(v), 64)
	if v.Kind() != '0' || err != nil || seconds < 0 || seconds > maxDate {
		return nil, errors.New("must be a number of seconds since 1970")
	}
	whole := int64(seconds)
	return &jwt.NumericDate{Time: time.Unix(whole, int64((seconds-float64(whole))*1e9))}, nil
}

// audience reads a string, or an array of them.
func audience(v jsontext.Value) (list jwt.ClaimStrings, err error) {
	switch v.Kind() {
	case '"':
		list = make(jwt.ClaimStrings, 1)
		err = json.Unmarshal(v, &list[0])
	case '[':
		var all []jsontext.Value
		err = json.Unmarshal(v, &all)
		list = make(jwt.ClaimStrings, len(all))
		for i := range all {
			if all[i].Kind() != '"' || json.Unmarshal(all[i], &list[i]) != nil {
				err = errors.New("has an entry that is no string")
			}
		}
	default:
		err = errors.New("must be a string or an array of strings")
	}
	return list, err
}

// rights reads the claim that gives rights, of the shape of the token file.
func rights(v jsontext.Value) (Patterns, error) {
	var docs map[string][]string
	if v.Kind() != '{' {
		return nil, errors.New("must be an object of patterns with lists of rights")
	}
	var lists map[string]jsontext.Value
	if err := json.Unmarshal(v, &lists); err != nil {
		return nil, err
	}
	docs = make(map[string][]string, len(lists))
	for pattern, list := range lists {
		names, err := audience(list)
		if list.Kind() != '[' || err != nil {
			return nil, fmt.Errorf("pattern %q must have a list of rights", pattern)
		}
		docs[pattern] = names
	}
	return parsePatterns(docs)
}
