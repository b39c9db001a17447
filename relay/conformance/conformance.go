// Package conformance shows that a relay keeps to docs/protocol.md. Each rule
// of that page is shown by dialogues: text in dialogues/*.txt, in the frames' own
// JSON, that one reads without Go. [Run] speaks them to any live server and says which
// rules hold; cmd/baton's conform command and this package's tests call it.
//
// It promises to need nothing but the server's address (and tokens, for the
// rules about tokens), to use documents nobody else uses, and to leave the
// server running. It never imports relay, relay/wire or client: it would share
// their mistakes.
//
// # The language of the dialogues
//
// A line is a statement; lines that begin with white space continue it; lines
// that begin with # are for the reader. A dialogue begins with its title:
//
//	== Title
//	needs: NAME …           run only if tokens of these names are given
//	R12 R13: a sentence     what follows, up to the next such line, shows these rules
//
// Connections are capital letters:
//
//	A open [as NAME] [in header|protocol|query] [offering P,P] [Field:value] [-> ANSWER]
//	A connect [as NAME]     open, and read welcome into $A.session, $A.replace and the
//	                        limits ($op_bytes, …)
//	A joins DOC [as NAME]   connect unless it is, join DOC to hear its ops, and read up
//	                        to live
//	A> TEXT                 send TEXT as it is
//	A>*N TEXT               send it N times, with $i from 1 to N
//	A>> "TEXT"              send the bytes of a Go string
//	A< PATTERN              the next frame is like this
//	A<... PATTERN           the same, after any frames
//	A<...ack,ops PATTERN    the same, after any frames of these types
//	A~ 200ms                no frame comes for that long
//	A~ 200ms ops,ack        no frame of these types; others are let go
//	A! 4400                 it is closed with this code (or: any), after any frames but
//	                        an error
//	A close                 the client closes it
//	A in order              all that A heard so far kept to the order of offsets, and
//	                        nothing of a document came behind its left
//
// A frame of several ops is read as several of one op each: how a relay groups
// them is its own business.
//
// Requests of HTTP, and event streams, whose events ({"id","data"}) are read
// like frames:
//
//	METHOD PATH [as NAME] [Field:value …] [BODY] -> ANSWER
//	E stream PATH [as NAME] [Field:value …]
//
// BODY is JSON, or a string in quotes that is sent as octets. ANSWER is STATUS [Field:part …]
// [PATTERN]: the field holds that part, the body is like PATTERN, where a string is
// the body itself and a list is the lines of application/x-ndjson. A request that
// is answered 503, unavailable, is sent again.
//
// As NAME, nobody sends no token and a string in quotes is a token itself. Without as, the
// token called writer is sent if there is one.
//
// # Values
//
// In TEXT, PATH and BODY, $name is a value known by then: "$name" in quotes is the value as JSON,
// anywhere else its text. $doc is a fresh document, $doc-2 another; $token_NAME is a
// token; $fill(N) is N letters, and $each(N)<TEXT> is TEXT N times, with $k from 1 to N and
// commas between. N may be the name of a value.
//
// PATTERN is JSON. Objects may have more fields than it names, lists may not have
// more elements unless it ends in "...". Numbers are compared by their text. In it, "$name" is
// the value, or becomes it where none is known yet, and these are special:
//
//	"<any>"             there is a value          "<absent>"    there is none
//	"<string>" "<text>" any, or one not empty     "<uuid>"
//	"<int>" "<int > 4>" also >=, <, <= and $name  "<bool>" "<object>" "<array>"
//	"<raw TEXT>"        exactly this JSON text    "<not TEXT>"  another value
//	"<has TEXT>"        a list with this string   "<lacks TEXT>"  one without
//	"<else>": PATTERN   in an object: what all fields not named are like
package conformance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says what to test. Only URL is needed.
type Config struct {
	// URL is the server's address: ws://host:port, or wss.
	URL string
	// Tokens are tokens by the name that dialogues use, see [TokenNames]. With
	// none, the rules about tokens and rights are skipped.
	Tokens map[string]string
	// Wait is how long an expected frame may take; 0 means 5 s.
	Wait time.Duration
	// Rules are the rules to test; empty means all.
	Rules []string
	// Parallel is how many dialogues are spoken at once; 0 means 8.
	Parallel int
	// OnFrame, if set, sees every WebSocket frame, from many goroutines. It must not
	// keep the bytes.
	OnFrame func(dir Direction, frame []byte)
}

// Direction is which way a frame went.
type Direction byte

// Frames go to the server or come from it.
const (
	ToServer   Direction = '>'
	FromServer Direction = '<'
)

// TokenNames are the names of tokens that dialogues use, and the rights each
// has in documents conf-*; in others, none. All but the last two are of
// different subjects.
var TokenNames = []struct{ Name, Rights string }{
	{"writer", "read write presence"},
	{"other", "read write presence, of another subject"},
	{"reader", "read"},
	{"compactor", "read write presence compact"},
	{"guest", "read, of a subject that may be sent away for good"},
	{"admin", "read write presence compact admin, in all documents"},
	{"expired", "any, ended in the past"},
	{"again", "read write presence, a second token of writer's subject"},
	{"demoted", "read, a third token of writer's subject"},
}

// ParseTokens reads tokens as a command line gives them: NAME=TOKEN, with a name
// of [TokenNames], or TOKEN alone for the one called writer.
func ParseTokens(list []string) (map[string]string, error) {
	tokens := map[string]string{}
	for _, text := range list {
		name, token, named := strings.Cut(text, "=")
		known := slices.ContainsFunc(TokenNames, func(n struct{ Name, Rights string }) bool { return n.Name == name })
		if !named || !known {
			name, token = "writer", text
		}
		if token == "" || tokens[name] != "" {
			return nil, fmt.Errorf("read token %s: it is empty, or given twice", name)
		}
		tokens[name] = token
	}
	return tokens, nil
}

// Run speaks all dialogues to the server and reports each rule once, in order.
// Its documents, called conf-…, stay there unless it has the token admin.
// Its error says why the server could not be tested at all.
func Run(ctx context.Context, cfg Config, report func(Verdict)) error {
	all, elsewhere, err := Load()
	if err != nil {
		return err
	}
	t, err := newTarget(cfg)
	if err != nil {
		return err
	}
	if err := t.reachable(ctx); err != nil {
		return fmt.Errorf("reach server: %w", err)
	}
	claims := make([][]outcome, len(all))
	slots := make(chan struct{}, cmp.Or(cfg.Parallel, 8))
	var wg sync.WaitGroup
	for i, d := range all {
		if !cfg.wants(d) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			claims[i] = t.speak(ctx, d, fmt.Sprintf("conf-%s-%d", t.id, i))
		})
	}
	wg.Wait()
	if cfg.Tokens["admin"] != "" {
		t.sweep(ctx)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("speak dialogues: %w", err)
	}
	for _, v := range verdicts(claims, elsewhere) {
		if len(cfg.Rules) == 0 || slices.Contains(cfg.Rules, v.Rule) {
			report(v)
		}
	}
	return nil
}

// wants reports whether a dialogue shows a rule that is to be tested.
func (c *Config) wants(d *Dialogue) bool {
	return len(c.Rules) == 0 || slices.ContainsFunc(d.Claims, func(claim Claim) bool {
		return slices.ContainsFunc(claim.Rules, func(rule string) bool { return slices.Contains(c.Rules, rule) })
	})
}

// target is the server under test.
type target struct {
	cfg  Config
	ws   string // address of the WebSocket
	http string // address of HTTP, without a slash at the end
	id   string // of this run: part of its documents' names
}

func newTarget(cfg Config) (*target, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(cfg.URL, "/v1/ws"), "/")
	if !strings.HasPrefix(base, "ws://") && !strings.HasPrefix(base, "wss://") {
		return nil, fmt.Errorf("read address: %q does not begin with ws:// or wss://", cfg.URL)
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	cfg.Wait = cmp.Or(cfg.Wait, 5*time.Second)
	return &target{
		cfg:  cfg,
		ws:   base + "/v1/ws",
		http: "http" + strings.TrimPrefix(base, "ws"),
		id:   hex.EncodeToString(id[:]),
	}, nil
}

// reachable opens one connection, so that a wrong address or token is told once
// and not by every dialogue.
func (t *target) reachable(ctx context.Context) error {
	r := newRun(t, "conf-"+t.id)
	defer r.end()
	return r.connect(ctx, "A", "")
}
