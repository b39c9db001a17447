package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// call is one HTTP request from somebody who may make it.
type call struct {
	w *response
	// r is the request; its context ends with the client, with a revoke, or
	// when the server has no more time for it.
	r     *http.Request
	query url.Values
	doc   oplog.DocID // empty where the address names none

	id     *auth.Identity
	token  string
	rights auth.Rights // in doc, or in every document
	budget budget
	until  time.Time // how long they count if the backend gives no other answer

	end context.CancelCauseFunc
}

// everyDocument is the pattern whose rights count for what concerns all of them.
const everyDocument = "*"

// methods is what can be done at one address.
type methods map[string]http.HandlerFunc

// ServeHTTP implements [http.Handler]. HEAD works where GET does.
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if serve, ok := m[method]; ok {
		serve(w, r)
		return
	}
	var allowed []string
	for name := range m {
		allowed = append(allowed, name)
		if name == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	w.Header().Set("Allow", allow)
	refuse(w, http.StatusMethodNotAllowed, wire.Invalid, r.Method+" is nothing to do at "+r.URL.Path+"; it takes "+allow)
}

// with returns the handler for those who have a right in the document that the
// address names, or in every document where it names none. What serve returns
// as an error is the answer.
func (s *Server) with(right auth.Rights, serve func(*call) error) http.HandlerFunc {
	return s.evenGoing(right, func(c *call) error {
		if err := s.calls.begin(s.done, c); err != nil {
			return err
		}
		defer s.calls.finish(c)
		err := errRevoked
		if !s.cfg.Revoked.Has(c.id) { // from now on a revoke finds the call
			err = serve(c)
		}
		if err != nil {
			s.answerError(c, err) // it asks the call's context, which ends here
		}
		return nil
	})
}

// evenGoing is with for what is answered at once, also while the server goes.
func (s *Server) evenGoing(right auth.Rights, serve func(*call) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := s.sourceOf(r).addr
		if !s.crowd.knock(from, 0) {
			turnAway(w, errKnocking)
			return
		}
		id, token, ok := s.identify(w, r)
		if !ok {
			return
		}
		place, full := s.crowd.enter(from, id)
		if full != nil {
			turnAway(w, full)
			return
		}
		defer place.leave()
		c := &call{w: newResponse(w, s.cfg.WriteTimeout), r: r, id: id, token: token, budget: budget{shared: place.shared, network: place.network}}
		err := c.charge(countFrames, 1)
		if err == nil {
			err = s.admit(c, right)
		}
		if err == nil {
			err = serve(c)
		}
		if err != nil {
			s.answerError(c, err)
		}
	}
}

// admit reads the address and asks for the right. Where the address names no
// document, the token alone says.
func (s *Server) admit(c *call, right auth.Rights) error {
	where := everyDocument
	if name := c.r.PathValue("doc"); name != "" {
		doc, err := oplog.ParseDocID(name)
		if err != nil {
			return invalid("%v", err)
		}
		c.doc, where = doc, name
	}
	var err error
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return invalid("the query cannot be read: %v", err)
	}
	c.rights = c.id.Rights(where)
	if c.doc != "" {
		answer, err := s.allowed(c.r.Context(), c.id, where)
		if err != nil {
			return errUnanswered
		}
		c.rights, c.until = answer.Rights, answer.Until
	}
	if !c.rights.Has(right) {
		s.meters.authFailed(authRight)
		return &refusal{http.StatusForbidden, wire.Forbidden, "this needs the right " + right.String() + " in " + where}
	}
	return nil
}

// charge counts what a call brings, or refuses it.
func (c *call) charge(k kind, n int) error {
	if c.budget.shared == nil || exempt(c.id) {
		return nil
	}
	if wait := c.budget.take(time.Now(), k, n); wait > 0 {
		return &later{tooFast, wait}
	}
	return nil
}

func (c *call) isHead() bool { return c.r.Method == http.MethodHead }

// Why a call ends before its answer is complete.
var (
	errGoing   = errors.New("this node is going; ask again")
	errRevoked = errors.New("this token was revoked; come back with a valid one")
)

// calls is the HTTP requests under way, and what bounds them.
type calls struct {
	// static
	going chan struct{} // closed when the server begins to go
	// Slots of requests that keep something while they last.
	posts, uploads, backups chan struct{}

	mu sync.Mutex
	// below guarded by mu
	under   map[*call]func() bool // with what keeps the server's end from cutting it
	postsBy map[*allowance]int    // slots of posts, by whose they are where that is limited
	gone    bool
	wg      sync.WaitGroup // of under; added to only while not gone
}

// Bounds of what HTTP requests may keep at a time. A post keeps at most a
// frame's bytes and ops until the log has answered all of them.
const (
	maxPosts   = 64
	maxUploads = 2
	maxBackups = 1
)

func newCalls() *calls {
	return &calls{
		going: make(chan struct{}), under: map[*call]func() bool{}, postsBy: map[*allowance]int{},
		posts: make(chan struct{}, maxPosts), uploads: make(chan struct{}, maxUploads), backups: make(chan struct{}, maxBackups),
	}
}

// begin registers a call; done cuts it.
func (k *calls) begin(done context.Context, c *call) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone {
		return errGoing
	}
	ctx, end := context.WithCancelCause(c.r.Context())
	c.r, c.end = c.r.WithContext(ctx), end
	k.under[c] = context.AfterFunc(done, func() {
		end(errGoing)
		c.w.cut()
	})
	k.wg.Add(1)
	return nil
}

func (k *calls) finish(c *call) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.under[c]()
	delete(k.under, c)
	c.end(nil)
	k.wg.Done()
}

// leave lets no new call begin and has those end that would wait for more.
func (k *calls) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.gone {
		k.gone = true
		close(k.going)
	}
}

// wait returns when no call is under way, or with the error of ctx.
func (k *calls) wait(ctx context.Context) error {
	none := make(chan struct{})
	go func() {
		k.wg.Wait()
		close(none)
	}()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// revoke ends the calls whose tokens are revoked and returns how many there were.
// by, which asks for that, goes on.
func (k *calls) revoke(list *auth.Revoked, by *call) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for c := range k.under {
		if c != by && list.Has(c.id) && c.r.Context().Err() == nil {
			c.end(errRevoked)
			n++
		}
	}
	return n
}

// takePost takes the slot of a post. Where rates are limited, a subject, or an
// address without one, has at most a quarter of the slots: a client that sends its
// body slowly keeps a slot for as long as that takes. The caller calls release.
func (k *calls) takePost(c *call) (release func(), err error) {
	who := c.budget.shared
	if exempt(c.id) {
		who = nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if who != nil && k.postsBy[who] >= maxPosts/4 {
		return nil, &later{fmt.Sprintf("there are %d posts of yours under way, as many as there may be", maxPosts/4), time.Second}
	}
	if err := take(k.posts, "posts"); err != nil {
		return nil, err
	}
	if who != nil {
		k.postsBy[who]++
	}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.postsBy[who]--; k.postsBy[who] <= 0 {
			delete(k.postsBy, who)
		}
		<-k.posts
	}, nil
}

// take takes a slot, or refuses the call. The caller gives the slot back.
func take(slots chan struct{}, what string) error {
	select {
	case slots <- struct{}{}:
		return nil
	default:
		return &refusal{http.StatusServiceUnavailable, wire.Unavailable, "too many " + what + " at a time; try again"}
	}
}
