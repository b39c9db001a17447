package bench

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"
)

// pipe gives frames its bytes in pieces.
type pipe struct {
	net.Conn
	io.Reader
}

func (p pipe) Read(b []byte) (int, error) { return p.Reader.Read(b) }

// Frames of the library, cut at any place, come out as they went in.
func TestFramesReadWhatTheLibraryWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 70_000), 1, 6).Draw(t, "sizes")
		piece := rapid.IntRange(1, 40_000).Draw(t, "piece")
		var stream bytes.Buffer
		var want [][]byte
		for i, size := range sizes {
			msg := bytes.Repeat([]byte{'a' + byte(i)}, size)
			want = append(want, msg)
			stream.Write(serverFrame(opText, msg, true))
			stream.Write(serverFrame(opPing, []byte("ping"), true))
		}
		f := frames{conn: pipe{Reader: chunks(&stream, piece)}, base: time.Now()}
		for i, msg := range want {
			op, got, err := f.next()
			if err != nil || op != opText || !bytes.Equal(got, msg) {
				t.Fatalf("message %d is %d, %d bytes, %v; want %d bytes", i, op, len(got), err, len(msg))
			}
			if op, got, err := f.next(); err != nil || op != opPing || string(got) != "ping" {
				t.Fatalf("ping %d is %d %q %v", i, op, got, err)
			}
		}
		if _, _, err := f.next(); err != io.EOF {
			t.Fatalf("the end is %v", err)
		}
	})
}

func TestFramesJoinFragments(t *testing.T) {
	var stream bytes.Buffer
	stream.Write(serverFrame(opText, []byte("one "), false))
	stream.Write(serverFrame(opPing, nil, true))
	stream.Write(serverFrame(opContinue, []byte("two "), false))
	stream.Write(serverFrame(opContinue, []byte("three"), true))
	f := frames{conn: pipe{Reader: &stream}, base: time.Now()}
	if op, _, err := f.next(); op != opPing || err != nil {
		t.Fatalf("first came %d, %v; want the ping", op, err)
	}
	if op, got, err := f.next(); op != opText || string(got) != "one two three" || err != nil {
		t.Errorf("message is %d %q %v", op, got, err)
	}
}

// What is sent is a frame to the library too: masked, of any length.
func TestFramesAreWrittenAsTheLibraryReads(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var up websocket.Upgrader
		ws, err := up.Upgrade(w, req, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		err = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"welcome"}`))
		for err == nil {
			var kind int
			var msg []byte
			if kind, msg, err = ws.ReadMessage(); err == nil {
				err = ws.WriteMessage(kind, msg)
			}
		}
	}))
	defer srv.Close()
	conn, _, err := dial(t.Context(), &Config{URL: "ws" + strings.TrimPrefix(srv.URL, "http")}, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f := frames{conn: conn, base: time.Now()}
	for _, size := range []int{0, 125, 126, 65535, 65536} {
		msg := bytes.Repeat([]byte("m"), size)
		frame, start := beginFrame(nil)
		if _, err := conn.Write(endFrame(append(frame, msg...), start, opText)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := f.next(); err != nil || !bytes.Equal(got, msg) {
			t.Errorf("of %d bytes %d came back: %v", size, len(got), err)
		}
	}
}

// serverFrame is a frame without a mask.
func serverFrame(op byte, payload []byte, fin bool) []byte {
	b, start := beginFrame(nil)
	b = endFrame(append(b, payload...), start, op)
	if !fin {
		b[0] &^= 0x80
	}
	b[1] &^= 0x80
	head := len(b) - len(payload)
	return slices.Concat(b[:head-4], payload)
}

type chunkReader struct {
	r    io.Reader
	size int
}

func (c chunkReader) Read(b []byte) (int, error) { return c.r.Read(b[:min(len(b), c.size)]) }

func chunks(r io.Reader, size int) io.Reader { return chunkReader{r, size} }

func TestPayloadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(minPayload, 400).Draw(t, "size")
		frame := []byte(`{"type":"ops","doc":"d","ops":[`)
		var want []mark
		for range rapid.IntRange(0, 5).Draw(t, "ops") {
			m := mark{rapid.Int64Range(0, 1e13).Draw(t, "due"), rapid.IntRange(0, 9999).Draw(t, "sender"), rapid.Uint64Range(1, 1e9).Draw(t, "n")}
			want = append(want, m)
			frame = append(frame, `{"offset":1,"actor":"b1","seq":3,"clock":{"b7":2},"at":1,"payload":`...)
			before := len(frame)
			frame = appendPayload(frame, m, size)
			if got := len(frame) - before; got != size {
				t.Fatalf("payload has %d bytes, want %d", got, size)
			}
			frame = append(frame, `},`...)
		}
		var got []mark
		for m, rest, ok := nextMark(frame); ok; m, rest, ok = nextMark(rest) {
			got = append(got, m)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("marks are %v, want %v", got, want)
		}
	})
}

func TestHistogram(t *testing.T) {
	var h histogram
	rng := rand.New(rand.NewPCG(1, 2))
	var all []int64
	for range 20_000 {
		v := int64(rng.ExpFloat64() * 3e6)
		all = append(all, v)
		h.add(v)
	}
	slices.Sort(all)
	l := h.latency()
	if got, want := int64(l.Max), all[len(all)-1]; got != want {
		t.Errorf("max is %d, want %d", got, want)
	}
	for _, c := range []struct {
		p   float64
		got time.Duration
	}{{0.5, l.P50}, {0.9, l.P90}, {0.99, l.P99}} {
		want := all[int(c.p*float64(len(all)))]
		if got := int64(c.got); got < want || float64(got) > float64(want)*(1+1.0/64)+1 {
			t.Errorf("p%.0f is %d, want %d and at most 1/64 more", 100*c.p, got, want)
		}
	}
	for _, v := range []uint64{0, 1, 63, 64, 127, 128, 129, 1 << 20, 1<<63 - 1} {
		if i := bucket(v); i >= len(h.counts) || highest(i) < v {
			t.Errorf("%d is in bucket %d, which ends at %d", v, i, highest(i))
		}
	}
}

func TestKind(t *testing.T) {
	for frame, want := range map[string]string{
		`{"type":"ops","doc":"d"}`:                    "ops",
		`{"doc":"d","type":"ack","seq":4,"offset":5}`: "ack",
		`{"type":"live"}`:                             "live",
		`[]`:                                          "",
	} {
		if got := kind([]byte(frame)); got != want {
			t.Errorf("%s is %q, want %q", frame, got, want)
		}
	}
	if got := field([]byte(`{"type":"ack","seq":40,"offset":5}`), `"seq":`); got != 40 {
		t.Errorf("seq is %d", got)
	}
}

func TestParseServer(t *testing.T) {
	stat := []byte("42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 5 0 100 1 1 1\n")
	status := []byte("Name:\tbaton\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n")
	got, err := parseServer(stat, status)
	want := server{cpu: 3 * time.Second, rss: 1 << 20, peak: 2 << 20}
	if err != nil || *got != want {
		t.Errorf("process is %+v, %v; want %+v", got, err, want)
	}
	if _, err := parseServer([]byte("42 (x) S"), status); err == nil {
		t.Error("a short stat is no error")
	}
}

func BenchmarkHandleOps(b *testing.B) {
	r := newRun(Config{Senders: 1, Participants: 2, Payload: 120})
	p := &peer{run: r, doc: "d", seen: make([]uint64, 1)}
	frame := []byte(`{"type":"ops","doc":"bench-abcdefgh-0","ops":[`)
	for n := range uint64(100) {
		frame = append(p.appendOp(frame, mark{int64(n), 0, n + 1}), ',')
	}
	r.from.Store(0)
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		p.seen[0] = 0
		p.handle(frame)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/op-delivered")
}
