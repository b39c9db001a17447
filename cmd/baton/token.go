package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

type tokenCmd struct {
	Key        string `env:"BATON_KEY,BATON_JWT_KEY" placeholder:"FILE" help:"Key to sign with: a secret (HS256), or a private key in PEM (ES256, ES384, EdDSA, RS256)."`
	NewKey     string `placeholder:"FILE" help:"Make a file with a fresh secret, for --key here and --jwt-key of the relay, and mint nothing."`
	NewKeyPair string `placeholder:"FILE" help:"Make a file with a fresh private key (P-256) for --key here, and FILE.pub for --jwt-public-key of the relay, and mint nothing."`

	Subject  string        `placeholder:"NAME" help:"Who the token is for, to be told apart by. A link gets a random one if none is given."`
	Name     string        `placeholder:"NAME" help:"The name that people see."`
	Doc      []string      `placeholder:"PATTERN" sep:"none" help:"Document, or the beginning of documents' names with * behind it; may be given again."`
	Rights   []string      `default:"read,write,presence" placeholder:"RIGHT,…" help:"Of read, write, presence, compact, admin. In a link, write brings read and presence with it: a page needs them. (${default})"`
	Expires  time.Duration `default:"12h" placeholder:"TIME" help:"How long it counts. (${default})"`
	Audience []string      `placeholder:"NAME" help:"The relay that it is for, where that has --jwt-audience; may be given again."`
	Issuer   string        `placeholder:"NAME" help:"Who issues it, where the relay has --jwt-issuer."`
	ID       string        `placeholder:"NAME" help:"The token's id, by which it can be revoked. (random)"`
	Link     bool          `help:"Print a link that opens the whiteboard or the text with the token. Whoever has the link comes in by it."`
	Origin   string        `default:"http://localhost:8080" placeholder:"URL" help:"Where people reach the relay, for the link. (${default})"`
}

// Help shows how it is used.
func (c *tokenCmd) Help() string {
	return `Mints JSON Web Tokens, for development and scripts. An application mints its own, with any library; what they say is in docs/auth.md.

  baton token --new-key key
  baton --jwt-key key &
  baton token --key key --subject alice --doc 'board-*' --rights read,write,presence
  baton token --key key --doc board-plan --link

The last prints a link that opens the board "plan". Keep the key file to yourself: whoever has it can make tokens for everything.`
}

// Validate says what is wrong with the flags.
func (c *tokenCmd) Validate() error {
	given := 0
	for _, flag := range []string{c.Key, c.NewKey, c.NewKeyPair} {
		if flag != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("give one of --key FILE, to mint a token, and --new-key FILE or --new-key-pair FILE, to make what to mint with")
	case c.Key == "":
		return nil
	case c.Subject == "" && !c.Link:
		return errors.New("--subject says who the token is for")
	case len(c.Doc) == 0:
		return errors.New("--doc says for which documents, such as --doc board-plan or --doc 'board-*'")
	case c.Expires <= 0:
		return errors.New("--expires must be more than 0s")
	}
	if c.Link {
		_, err := c.link("")
		return err
	}
	return nil
}

// Run makes a key, or mints a token and prints it.
func (c *tokenCmd) Run() error {
	switch {
	case c.NewKey != "":
		if err := auth.NewSecret(c.NewKey); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s is a fresh secret. Give it to the relay as --jwt-key %s, and keep it to yourself.\n", c.NewKey, c.NewKey)
		return nil
	case c.NewKeyPair != "":
		if err := auth.NewKeyPair(c.NewKeyPair); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s is a fresh private key: keep it to yourself. Give the relay the public one, as --jwt-public-key %s.pub.\n", c.NewKeyPair, c.NewKeyPair)
		return nil
	}
	token, err := c.mint(time.Now(), os.Stderr)
	if err != nil {
		return err
	}
	if c.Link {
		if token, err = c.link(token); err != nil {
			return err
		}
	}
	fmt.Println(token)
	return nil
}

func (c *tokenCmd) mint(now time.Time, warnings io.Writer) (string, error) {
	signer, err := auth.OpenSigner(c.Key)
	if err != nil {
		return "", err
	}
	rights, err := auth.ParseRights(c.Rights)
	if err != nil {
		return "", fmt.Errorf("--rights: %w", err)
	}
	if c.Link && rights.Has(auth.Write) {
		rights |= auth.Read | auth.Presence
	}
	g := &auth.Grant{
		Subject: cmp.Or(c.Subject, "guest-"+auth.NewID()), Name: c.Name, TokenID: cmp.Or(c.ID, auth.NewID()),
		Audience: c.Audience, Issuer: c.Issuer, Issued: now, Expires: now.Add(c.Expires), Docs: auth.Patterns{},
	}
	for _, pattern := range c.Doc {
		g.Docs[pattern] = rights
		if pattern == "*" && rights.Has(auth.Admin) {
			fmt.Fprintln(warnings, "Take care: with admin in * this token can delete and copy every document, and revoke everybody.")
		}
	}
	return signer.Sign(g)
}

// placed is a document that a page of the site opens, see webdemo/src/link/link.ts.
var placed = regexp.MustCompile(`^(board|text)-([A-Za-z0-9][A-Za-z0-9._~-]{0,99})$`)

// link returns the address of the document's page with the token in its
// fragment, which a browser sends nowhere.
func (c *tokenCmd) link(token string) (string, error) {
	place := placed.FindStringSubmatch(c.Doc[0])
	if len(c.Doc) != 1 || place == nil {
		return "", errors.New("a link opens one document: --doc board-NAME or --doc text-NAME, without *")
	}
	at, err := url.Parse(c.Origin)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || strings.Trim(at.Path, "/")+at.RawQuery+at.Fragment != "" {
		return "", fmt.Errorf("--origin %s must be an address such as https://board.example.com", c.Origin)
	}
	return at.Scheme + "://" + at.Host + "/" + place[1] + "/" + place[2] + "#t=" + url.QueryEscape(token), nil
}
