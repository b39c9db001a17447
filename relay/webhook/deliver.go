package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// CheckURL says what is wrong with an endpoint's address. It must be https,
// unless it is on this machine or insecure is set: what is told names documents
// and people.
func CheckURL(text string, insecure bool) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("cannot be read as a URL") // the error would repeat it, and it may be secret
	}
	switch host := u.Hostname(); {
	case u.Scheme != "https" && u.Scheme != "http" || host == "" || u.Fragment != "":
		return errors.New("must be like https://app.example.com/path")
	case u.Scheme == "http" && !insecure && !onThisMachine(host):
		return fmt.Errorf("http to %s can be read on the way: take https", host)
	}
	return nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// nameOf returns as much of a URL as may be logged.
func nameOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "?"
	}
	return u.Scheme + "://" + u.Host
}

func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 1
	return t
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// run delivers one notice after the other until the queue is closed, or the
// endpoint is gone.
func (e *endpoint) run() {
	for e.deliver() {
	}
}

// deliver makes one attempt, or waits until there may be one to make. It reports
// whether to go on.
func (e *endpoint) deliver() bool {
	select {
	case <-e.q.stopping:
		return false
	default:
	}
	e.q.mu.Lock()
	it, wait := e.next(time.Now())
	var n *notice
	if it != nil {
		n, it.flying = it.notice, true
		e.fixed(it)
	}
	gone := e.gone
	e.q.mu.Unlock()
	switch {
	case gone:
		return false
	case it == nil:
		e.rest(wait)
		return true
	}
	answer := e.post(n)
	e.q.mu.Lock()
	defer e.q.mu.Unlock()
	it.flying = false
	e.settle(it, answer, time.Now())
	return true
}

// rest waits so long, or until something comes. 0 is no limit.
func (e *endpoint) rest(wait time.Duration) {
	var over <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-e.q.stopping:
	case <-e.news:
	case <-over:
	}
}

// answer is what came of an attempt.
type answer struct {
	status int           // 0 if there was none
	after  time.Duration // the endpoint asks to be left alone for so long
	err    error         // why there is no status; names no path of the URL
}

func (a *answer) taken() bool { return a.status >= 200 && a.status < 300 }

// post makes one attempt.
func (e *endpoint) post(n *notice) answer {
	text, now := n.body(), time.Now()
	req, err := http.NewRequestWithContext(e.q.done, http.MethodPost, e.url, bytes.NewReader(text))
	if err != nil {
		return answer{err: errors.New("the URL makes no request")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "baton/"+e.q.opts.Version)
	req.Header.Set("webhook-id", n.id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", signature(e.q.opts.Secrets.current(), n.id, now, text))
	resp, err := e.q.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL
		}
		return answer{err: err}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 16<<10) // so that the connection can be used again
	return answer{status: resp.StatusCode, after: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
}

// settle notes what came of an attempt. Queue.mu is held.
func (e *endpoint) settle(it *item, a answer, now time.Time) {
	switch {
	case a.taken():
		if e.fails > 0 {
			e.q.say(slog.LevelInfo, "an endpoint takes notices again", "endpoint", e.name, "waiting", e.waiting.Len()-1)
		}
		e.delivered++
		e.fails, e.resting = 0, time.Time{}
		e.remove(it)
		return
	case a.status == http.StatusGone:
		e.q.say(slog.LevelWarn, "an endpoint says that it is gone: it gets no notices until the next start; take its --webhook away", "endpoint", e.name)
		e.giveUp()
		return
	}
	e.failed++
	e.fails++
	it.tries++
	it.after = now.Add(max(backoff(it.tries), a.after))
	e.resting = now.Add(max(backoff(e.fails), a.after))
	if e.fails == 1 {
		e.q.say(slog.LevelWarn, "an endpoint does not take notices; it is asked again, ever more rarely",
			"endpoint", e.name, "status", a.status, "err", a.err, "type", it.notice.event.Type, "tries", it.tries)
	}
	if newer := e.latest[it.notice.about()]; newer != nil && it.notice.sums() {
		n := it.notice.with(newer.notice)
		e.remove(it)
		e.replace(newer, n)
		return
	}
	e.replaceable(it)
}

// giveUp lets go of all that waits, for good.
func (e *endpoint) giveUp() {
	e.gone = true
	for el := e.waiting.Front(); el != nil; el = e.waiting.Front() {
		e.dropped++
		e.remove(el.Value.(*item))
	}
}

// Backoff is from firstWait to lastWait.
const firstWait, lastWait = time.Second, 15 * time.Minute

// backoff returns how long to wait after so many failures: twice as long each
// time, and up to half as much again, so that not all come back at once.
func backoff(fails int) time.Duration {
	const most = lastWait * 2 / 3
	wait := most
	if fails < 12 { // 2^11 s is more than most
		wait = min(firstWait<<(fails-1), most)
	}
	return wait + rand.N(wait/2+1)
}

// maxRetryAfter is the longest rest that an endpoint can ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds,
// or a date. What makes no sense is 0.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
