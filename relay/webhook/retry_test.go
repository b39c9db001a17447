package webhook

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func always(code int) func(http.ResponseWriter, *attempt) {
	return func(w http.ResponseWriter, _ *attempt) { w.WriteHeader(code) }
}

// An endpoint that fails is asked after 1 s, and then ever more rarely, at most
// every 15 minutes, each time with the same id and body. After three days the
// notice is dropped, and what it is told next is that it missed one.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		b := newBackend(t, func(w http.ResponseWriter, _ *attempt) {
			if !up.Load() {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		q, said := start(t, file(t), Options{URLs: []string{"http://backend/s3cret"}}, b)
		q.Put(Event{Type: Created, Doc: "d"})
		time.Sleep(2 * time.Hour)
		tried := b.tried()
		for i := 1; i < len(tried); i++ {
			low := min(time.Second<<(i-1), 10*time.Minute)
			if got := tried[i].at.Sub(tried[i-1].at); got < low || got > low*3/2 {
				t.Errorf("wait %d: got %v, want from %v to %v", i, got, low, low*3/2)
			}
			if tried[i].id() != tried[0].id() || string(tried[i].text) != string(tried[0].text) {
				t.Errorf("attempt %d is another notice: %s", i, tried[i].text)
			}
			if got := tried[i].header.Get("webhook-timestamp"); got != fmt.Sprint(tried[i].at.Unix()) {
				t.Errorf("attempt %d at %v: got timestamp %s", i, tried[i].at, got)
			}
		}
		if st := q.Stats(); st.Failed != uint64(len(tried)) || st.Delivered != 0 || st.Waiting != 1 || st.Oldest != 2*time.Hour {
			t.Errorf("got %+v after %d attempts", st, len(tried))
		}
		if n := strings.Count(said.String(), "does not take notices"); n != 1 || strings.Contains(said.String(), "s3cret") {
			t.Errorf("want one line without the path, got:\n%s", said)
		}
		time.Sleep(70*time.Hour + 20*time.Minute)
		up.Store(true)
		time.Sleep(20 * time.Minute)
		got := b.got()
		wantOrder(t, got, Missed)
		if ev := got[0].Data; ev.Dropped != 1 || !ev.Since.Equal(tried[0].When) {
			t.Errorf("got %+v, want one missing since %v", ev, tried[0].When)
		}
		if st := q.Stats(); st.Dropped != 1 || st.Delivered != 1 || st.Waiting != 0 || st.Oldest != 0 {
			t.Errorf("got %+v", st)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for name, header := range map[string]func() string{
		"seconds": func() string { return "300" },
		"date":    func() string { return time.Now().Add(5 * time.Minute).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := true
				b := newBackend(t, func(w http.ResponseWriter, _ *attempt) {
					if first {
						w.Header().Set("Retry-After", header())
						w.WriteHeader(http.StatusTooManyRequests)
					}
					first = false
				})
				q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}}, b)
				q.Put(Event{Type: Created, Doc: "d"})
				q.Put(Event{Type: Created, Doc: "e"}) // nor is anything else sent
				time.Sleep(6 * time.Minute)
				tried := b.tried()
				if len(tried) != 3 || tried[1].at.Sub(tried[0].at) < 299*time.Second || tried[2].at.Sub(tried[0].at) > 301*time.Second {
					t.Errorf("got %d attempts, want the others 5 minutes behind the first", len(tried))
				}
			})
		})
	}
}

// An endpoint that fails at random gets everything, and the notices of each
// document in their order.
func TestOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		rnd, luck := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
		b := newBackend(t, func(w http.ResponseWriter, _ *attempt) {
			switch luck.IntN(4) {
			case 0:
				w.WriteHeader(500)
			case 1:
				w.WriteHeader(400 + luck.IntN(9))
			}
		})
		q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}}, b)
		put := map[string]int{}
		for range 300 {
			doc := "doc" + strconv.Itoa(rnd.IntN(5))
			put[doc]++
			q.Put(Event{Type: Active, Doc: doc, Head: uint64(put[doc])})
			time.Sleep(time.Duration(rnd.IntN(2000)) * time.Millisecond)
		}
		time.Sleep(24 * time.Hour)
		heads := map[string]int{}
		for _, a := range b.got() {
			if heads[a.Data.Doc]++; int(a.Data.Head) != heads[a.Data.Doc] {
				t.Fatalf("got head %d of %s, want %d", a.Data.Head, a.Data.Doc, heads[a.Data.Doc])
			}
		}
		if fmt.Sprint(heads) != fmt.Sprint(put) {
			t.Errorf("got %v, want %v", heads, put)
		}
		if st := q.Stats(); st.Waiting != 0 || st.Dropped != 0 || st.Delivered != 300 || st.Failed == 0 {
			t.Errorf("got %+v", st)
		}
	})
}

// A notice that a backend cannot digest keeps back those of its document, and
// none of the others for long: it is never tried twice before another was.
func TestOneThatIsNeverTaken(t *testing.T) {
	for range 10 { // waits are random
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(t, func(w http.ResponseWriter, a *attempt) {
				if a.Data.Doc == "bad" {
					w.WriteHeader(500)
				}
			})
			q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}}, b)
			q.Put(Event{Type: Active, Doc: "bad"})
			q.Put(Event{Type: Idle, Doc: "bad"})
			for range 100 {
				q.Put(Event{Type: Active, Doc: "good"})
			}
			time.Sleep(4 * time.Second) // two rests, between which the bad one may be tried again
			if got := len(b.got()); got != 100 || b.tried()[1].Data.Doc != "good" {
				t.Errorf("got %d notices of the other document, want 100; the second attempt was %s", got, b.tried()[1].Data.Doc)
			}
			time.Sleep(time.Hour)
			for _, a := range b.tried() {
				if a.Data.Doc == "bad" && a.Type != Active {
					t.Errorf("got %s before the one that waits", a.Type)
				}
			}
		})
	}
}

// One endpoint that is silent for ever, or gone, holds up no other.
func TestEndpointsAreIndependent(t *testing.T) {
	silent := make(chan struct{})
	mute := newBackend(t, func(http.ResponseWriter, *attempt) { <-silent })
	gone := newBackend(t, always(http.StatusGone))
	good := newBackend(t, nil)
	urls := []string{mute.serve(), gone.serve(), "http://127.0.0.1:1/", good.serve()}
	t.Cleanup(func() { close(silent) }) // before the servers are closed
	q, said := start(t, file(t), Options{URLs: urls}, nil)
	for range 50 {
		q.Put(Event{Type: Active, Doc: "d"})
	}
	good.await(50)
	awaitStats(t, q, "the one that is gone to be given up", func(s Stats) bool { return s.Gone == 1 && s.Waiting == 100 })
	q.Put(Event{Type: Idle, Doc: "d"})
	good.await(51)
	if n := len(gone.tried()); n != 1 {
		t.Errorf("one that said 410 was asked %d times, want once", n)
	}
	awaitStats(t, q, "a line", func(Stats) bool { return strings.Contains(said.String(), "says that it is gone") })
}

// A redirect is a failure: what is told goes to the address that was given, and
// nowhere else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newBackend(t, nil)
	to := elsewhere.serve()
	b := newBackend(t, func(w http.ResponseWriter, _ *attempt) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	q, _ := start(t, file(t), Options{URLs: []string{b.serve()}}, nil)
	q.Put(Event{Type: Active, Doc: "d"})
	awaitStats(t, q, "a second attempt", func(s Stats) bool { return s.Failed == 2 })
	if n := len(elsewhere.tried()); n != 0 {
		t.Errorf("got %d requests where it was redirected to", n)
	}
}

// An endpoint that takes longer than 10 s is cut off and asked again.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}}, roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		q.Put(Event{Type: Active, Doc: "d"})
		time.Sleep(timeout - time.Second)
		before := q.Stats().Failed
		time.Sleep(2 * time.Second)
		if after := q.Stats().Failed; before != 0 || after != 1 {
			t.Errorf("got %d failures before 10 s and %d after, want 0 and 1", before, after)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
