package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay/wire"
)

// benchRelay is a relay on a real socket. wrap may put something before its log.
func benchRelay(b *testing.B, wrap func(oplog.Log) oplog.Log) (srv *Server, dial func() *rawPeer) {
	b.Helper()
	log, err := bolt.Open(filepath.Join(b.TempDir(), "log.db"), bolt.Options{CommitInterval: -1})
	if err != nil {
		b.Fatal(err)
	}
	srv = New(Config{Log: wrap(log), CompactEvery: 1 << 30})
	web := httptest.NewServer(srv)
	b.Cleanup(func() {
		srv.Close()
		web.Close()
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	})
	return srv, func() *rawPeer {
		c, err := net.Dial("tcp", strings.TrimPrefix(web.URL, "http://"))
		p := newRawPeer(b, c, err)
		_ = c.SetDeadline(time.Time{})
		p.shakeHands()
		return p
	}
}

// forgetful takes ops and keeps none: it shows what delivery costs.
type forgetful struct {
	oplog.Log
	at oplog.Offset
}

func (l *forgetful) append(a oplog.Append) (oplog.Epoch, error) {
	for i := range a.Entries {
		l.at++
		a.Entries[i].Offset, a.Entries[i].At = l.at, 1767225600000
	}
	return "epoch", nil
}

// benchAuthor counts the ops that are durable.
type benchAuthor struct{ acks chan struct{} }

func (a *benchAuthor) accepted(int)                             {}
func (a *benchAuthor) acked(clock.Dot, oplog.Offset, bool, int) { a.acks <- struct{}{} }
func (a *benchAuthor) rejected(rej wire.Reject, _ int)          { panic(rej.Message) }

// skim reads frames of less than 16 KiB without keeping them. It calls each for
// those with a payload of more than 125 bytes: ops, and not pings.
func skim(c net.Conn, each func()) {
	buf := make([]byte, 16<<10)
	have := 0
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		at := 0
		for have-at >= 4 {
			size, head := int(buf[at+1]), 2
			if size == 126 {
				size, head = int(binary.BigEndian.Uint16(buf[at+2:])), 4
			}
			if have-at < head+size {
				break
			}
			at += head + size
			if head == 4 {
				each()
			}
		}
		have = copy(buf, buf[at:have])
	}
}

// BenchmarkFanout is one room of 20 or 200 sockets, to which one op at a time
// goes. An iteration is an op with all its deliveries; the log keeps nothing. Of
// the allocations none is for a delivery: they do not grow with the readers.
func BenchmarkFanout(b *testing.B) {
	for _, readers := range []int{20, 200} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) { fanout(b, readers) })
	}
}

func fanout(b *testing.B, readers int) {
	srv, dial := benchRelay(b, func(log oplog.Log) oplog.Log {
		l := &forgetful{Log: log}
		return &hookedLog{Log: log, append: l.append}
	})
	var delivered sync.WaitGroup
	for range readers {
		p := dial()
		p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
		p.wantText(`"live"`)
		go skim(p.Conn, delivered.Done)
	}
	r, err := srv.room(b.Context(), "d")
	if err != nil {
		b.Fatal(err)
	}
	defer srv.release(r)
	author := &benchAuthor{acks: make(chan struct{}, 1)}
	ops := []wire.Op{{Op: oplog.Op{Dot: clock.Dot{Actor: "a"}, Payload: []byte(`"` + strings.Repeat("x", 118) + `"`)}}}
	d := &delivery{ops: ops, write: true}
	b.ReportAllocs()
	for b.Loop() {
		delivered.Add(readers)
		ops[0].Seq++
		r.accept(b.Context(), author, d)
		<-author.acks
		delivered.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*readers), "ns/delivery")
}

// BenchmarkLateJoin is a client that joins a document of 11,000 ops and gets all
// of them.
func BenchmarkLateJoin(b *testing.B) {
	srv, dial := benchRelay(b, func(log oplog.Log) oplog.Log { return log })
	const count = 11_000
	payload := `"` + strings.Repeat("x", 118) + `"`
	a := oplog.Append{Doc: "d"}
	for n := range count {
		a.Entries = append(a.Entries, oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: uint64(n + 1)}, Payload: []byte(payload)}})
	}
	if _, err := srv.log.Append(b.Context(), a); err != nil {
		b.Fatal(err)
	}
	live := fmt.Appendf(nil, `{"type":"live","doc":"d","offset":%d}`, count)
	buf := make([]byte, 256<<10)
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		p := dial()
		p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
		size = 0
		for have := 0; ; {
			n, err := p.r.Read(buf[have:])
			if err != nil {
				b.Fatal(err)
			}
			size += n
			have += n
			if bytes.HasSuffix(buf[:have], live) {
				break
			}
			have = copy(buf, buf[max(0, have-len(live)):have])
		}
		p.Close()
	}
	b.SetBytes(int64(size))
}
