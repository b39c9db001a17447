package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Changes are told after so many ops, or so long after the first of them,
// whichever comes first, and before the document is at rest.
func TestWhenChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, nil)
		q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}, EveryOps: 5, Every: 10 * time.Second}, b)
		began := time.Now()
		head := uint64(0)
		write := func(n uint64) {
			head += n
			q.Put(Event{Type: Changed, Doc: "d", Epoch: "e", Head: head, Ops: n})
			synctest.Wait()
		}
		write(3)
		time.Sleep(time.Second)
		write(4) // 7 at 1 s
		time.Sleep(time.Second)
		write(1)
		time.Sleep(20 * time.Second) // 1 at 10 s
		write(2)
		time.Sleep(time.Second)
		q.Put(Event{Type: Idle, Doc: "d", Epoch: "e", Head: head}) // 2 at 23 s
		time.Sleep(time.Hour)
		write(1)
		q.Put(Event{Type: Deleted, Doc: "d", Epoch: "e"}) // of one that is gone nobody asks what it was
		time.Sleep(time.Hour)
		var got []string
		for _, a := range b.got() {
			got = append(got, fmt.Sprintf("%s %d/%d %v", a.Type, a.Data.Ops, a.Data.Head, a.at.Sub(began)))
		}
		want := []string{
			"document.changed 7/7 1s", "document.changed 1/8 10s", "document.changed 2/10 23s",
			"document.idle 0/10 23s", "document.deleted 0/0 1h0m23s",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// While an endpoint takes nothing, a busy document has one place in the queue;
// a new life of the document has another.
func TestChangesThatWaitBecomeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		b := newBackend(t, func(w http.ResponseWriter, _ *attempt) {
			if !up.Load() {
				w.WriteHeader(503)
			}
		})
		q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}, EveryOps: 1}, b)
		q.Put(Event{Type: Created, Doc: "d", Epoch: "e1"})
		for head := range uint64(1000) {
			q.Put(Event{Type: Changed, Doc: "d", Epoch: "e1", Head: head + 1, Ops: 1})
			time.Sleep(time.Second)
		}
		q.Put(Event{Type: Deleted, Doc: "d", Epoch: "e1"})
		q.Put(Event{Type: Changed, Doc: "d", Epoch: "e2", Head: 7, Ops: 7})
		if got := q.Stats().Waiting; got != 4 {
			t.Errorf("%d wait, want 4", got)
		}
		up.Store(true)
		time.Sleep(time.Hour)
		got := b.got()
		wantOrder(t, got, Created+" d", Changed+" d", Deleted+" d", Changed+" d")
		if ev := got[1].Data; ev.Ops != 1000 || ev.Head != 1000 {
			t.Errorf("got %+v, want all 1000 ops in one", ev)
		}
		if got[1].id() == got[3].id() {
			t.Error("two notices have one id")
		}
	})
}

// What was tried once may have arrived: with newer changes it is another notice.
func TestChangesThatWereTriedGetANewID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		b := newBackend(t, func(w http.ResponseWriter, _ *attempt) {
			if n++; n == 1 {
				time.Sleep(time.Second) // more comes meanwhile
				w.WriteHeader(500)
			}
		})
		q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}, EveryOps: 1}, b)
		q.Put(Event{Type: Changed, Doc: "d", Head: 1, Ops: 1})
		synctest.Wait()
		q.Put(Event{Type: Changed, Doc: "d", Head: 2, Ops: 1})
		time.Sleep(time.Minute)
		tried := b.tried()
		if len(tried) != 2 || tried[0].id() == tried[1].id() || tried[1].Data.Ops != 2 || tried[1].Data.Head != 2 {
			t.Errorf("got %s, %+v", summary(tried), tried[len(tried)-1].Data)
		}
	})
}

// More than may wait is dropped, the oldest first, and the endpoint is told early
// how much it missed.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		b := newBackend(t, func(w http.ResponseWriter, _ *attempt) {
			if !up.Load() {
				w.WriteHeader(503)
			}
		})
		q, said := start(t, file(t), Options{URLs: []string{"http://backend"}, MaxWaiting: 10}, b)
		began := time.Now()
		for i := range 50 {
			q.Put(Event{Type: Active, Doc: fmt.Sprint("d", i)})
			time.Sleep(100 * time.Millisecond)
		}
		if st := q.Stats(); st.Waiting != 11 || st.Dropped != 40 {
			t.Errorf("got %+v, want 10 to wait, and one that stands for 40", st)
		}
		up.Store(true)
		time.Sleep(time.Hour)
		got := b.got()
		i := slices.IndexFunc(got, func(a *attempt) bool { return a.Type == Missed })
		if i < 0 || i > 1 { // behind at most the one that showed that the endpoint is back
			t.Fatalf("got %s", summary(got))
		}
		missed := got[i].Data
		got = slices.Delete(got, i, i+1)
		wantOrder(t, got, "document.active d40", "document.active d41", "document.active d42", "document.active d43", "document.active d44",
			"document.active d45", "document.active d46", "document.active d47", "document.active d48", "document.active d49")
		if missed.Dropped != 40 || !missed.Since.Equal(began) {
			t.Errorf("got %+v, want 40 missing since %v", missed, began)
		}
		if n := strings.Count(said.String(), "notices are dropped"); n != 1 {
			t.Errorf("want one line a minute, got %d", n)
		}
	})
}

// However many documents change, only so many are remembered.
func TestManyDocumentsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, nil)
		q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}, MaxWaiting: 20, Every: time.Hour}, b)
		for i := range 30 {
			q.Put(Event{Type: Changed, Doc: fmt.Sprint("d", i), Ops: 1})
			synctest.Wait()
		}
		if got := len(b.got()); got != 10 {
			t.Errorf("got %d told early, want the 10 that are too many", got)
		}
		time.Sleep(time.Hour + time.Second)
		if got := len(b.got()); got != 30 {
			t.Errorf("got %d told, want 30", got)
		}
	})
}

// Close ends soon although an endpoint is silent, and loses nothing. What comes
// later is not taken.
func TestCloseWhileAnEndpointIsSilent(t *testing.T) {
	path := file(t)
	synctest.Test(t, func(t *testing.T) {
		q, _ := start(t, path, Options{URLs: []string{"http://backend"}}, roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		q.Put(Event{Type: Changed, Doc: "d", Ops: 1})
		q.Put(Event{Type: Stored, Doc: "d", Offset: 1})
		synctest.Wait()
		began := time.Now()
		stop(t, q)
		if took := time.Since(began); took > closeGrace {
			t.Errorf("close took %v, want at most %v", took, closeGrace)
		}
		q.Put(Event{Type: Stored, Doc: "d", Offset: 2})
		stop(t, q) // once more is no harm
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, nil)
		start(t, path, Options{URLs: []string{"http://backend"}}, b)
		synctest.Wait()
		wantOrder(t, b.got(), Stored+" d", Changed+" d")
	})
}

// A queue that is nil takes what it is told.
func TestNobodyToTell(t *testing.T) {
	var q *Queue
	q.Put(Event{Type: Active, Doc: "d"})
	stop(t, q)
}

func BenchmarkPut(b *testing.B) {
	for _, typ := range []string{Changed, Active} {
		b.Run(typ, func(b *testing.B) {
			s, err := OpenSecrets(secretFile(b, testSecret), nil)
			if err != nil {
				b.Fatal(err)
			}
			q, err := Open(b.TempDir()+"/webhooks.db", Options{URLs: []string{"http://127.0.0.1:1/"}, Secrets: s})
			if err != nil {
				b.Fatal(err)
			}
			defer q.Close(b.Context())
			for b.Loop() {
				q.Put(Event{Type: typ, Doc: "notes-1", Epoch: "5f0c9a", Ops: 1, Head: 1})
			}
		})
	}
}
