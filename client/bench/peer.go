package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/wire"
)

// peer is one connection that is in one room.
type peer struct {
	// static after construction
	run    *run
	conn   net.Conn
	doc    string
	number int // of all
	index  int // in its room
	slow   bool
	limits wire.Limits
	due    chan task     // what to send; nil for one that only reads
	live   chan struct{} // closed when the first catch-up is over

	// owned by the reader
	frames frames
	seen   []uint64 // by sender: the newest op received

	// heard is the newest op received, as sender<<heardShift | n: what the next
	// op's clock names. 0 before the first.
	heard atomic.Uint64

	writing sync.Mutex // one writer of conn at a time: the sender, and pongs

	// guarded by mu
	mu      sync.Mutex
	n       uint64  // ops sent
	acked   uint64  // of them, acked
	waiting []int64 // due times of ops acked+1 … n
}

const heardShift = 44

// task is one thing that is due to be sent.
type task struct {
	due    int64 // nanoseconds since the run began
	cursor bool  // a presence state, not an op
}

// dial opens a connection and reads the welcome. The relay says nothing more
// until it is spoken to, so that reading may go on below the library.
func dial(ctx context.Context, cfg *Config, i int, slow bool) (net.Conn, wire.Limits, error) {
	header := http.Header{}
	if n := len(cfg.Tokens); n > 0 {
		header.Set(wire.TokenHeader, cfg.Tokens[i%n])
	}
	d := websocket.Dialer{
		Subprotocols:   []string{wire.Subprotocol},
		ReadBufferSize: 1024, WriteBufferSize: 512,
		HandshakeTimeout: 30 * time.Second,
	}
	if slow {
		d.NetDialContext = (&net.Dialer{Control: smallSegments}).DialContext
	}
	ws, resp, err := d.DialContext(ctx, cfg.URL, header)
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("%w: %s", err, resp.Status)
		}
		return nil, wire.Limits{}, fmt.Errorf("dial relay: %w", err)
	}
	var w wire.Welcome
	if err := ws.ReadJSON(&w); err != nil || w.Type != "welcome" {
		_ = ws.Close()
		return nil, wire.Limits{}, fmt.Errorf("read welcome (got %q): %w", w.Type, cmp.Or(err, errors.New("another frame")))
	}
	return ws.NetConn(), w.Limits, nil
}

// join sends the join frame; the reader closes live when the past has come.
func (p *peer) join() error {
	return p.write(opText, func(b []byte) []byte {
		b = append(b, `{"type":"join","doc":"`...)
		b = append(b, p.doc...)
		return append(b, `"}`...)
	})
}

func (p *peer) write(op byte, payload func([]byte) []byte) error {
	frame, start := beginFrame(nil)
	frame = endFrame(payload(frame), start, op)
	return p.send(frame)
}

func (p *peer) send(frames []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err := p.conn.Write(frames)
	return err
}

// sendDue writes what is due until the channel is closed. What came due while
// the last write was under way goes out in one write.
func (p *peer) sendDue() error {
	const most = 64
	var out []byte
	for first := range p.due {
		out = p.encode(out[:0], first)
		for n := 1; n < most; n++ {
			select {
			case t, ok := <-p.due:
				if ok {
					out = p.encode(out, t)
					continue
				}
			default:
			}
			break
		}
		if err := p.send(out); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

func (p *peer) encode(dst []byte, t task) []byte {
	dst, start := beginFrame(dst)
	if t.cursor {
		dst = p.encodeCursor(dst, t.due)
	} else {
		p.run.tally.lag.add(p.run.now() - t.due)
		dst = p.encodeOp(dst, t.due)
	}
	return endFrame(dst, start, opText)
}

func (p *peer) encodeCursor(dst []byte, due int64) []byte {
	dst = append(dst, `{"type":"presence","doc":"`...)
	dst = append(dst, p.doc...)
	dst = append(dst, `","state":{"~c":`...)
	dst = strconv.AppendInt(dst, due, 10)
	dst = append(dst, `,"x":`...)
	dst = strconv.AppendInt(dst, due/1e6%1920, 10)
	dst = append(dst, `,"y":`...)
	dst = strconv.AppendInt(dst, due/1e7%1080, 10)
	return append(dst, `}}`...)
}

// encodeOp appends an ops frame with one op. Its clock names the last op this
// participant received: what an author who read all that came would name.
func (p *peer) encodeOp(dst []byte, due int64) []byte {
	p.mu.Lock()
	p.n++
	n := p.n
	p.waiting = append(p.waiting, due)
	p.mu.Unlock()
	if due >= p.run.from.Load() {
		p.run.tally.sent.Add(1)
	}
	dst = append(dst, `{"type":"ops","doc":"`...)
	dst = append(dst, p.doc...)
	dst = append(dst, `","ops":[`...)
	dst = p.appendOp(dst, mark{due, p.index, n})
	return append(dst, `]}`...)
}

func (p *peer) appendOp(dst []byte, m mark) []byte {
	dst = append(dst, `{"actor":"`...)
	dst = append(dst, p.run.actor...)
	dst = strconv.AppendInt(dst, int64(m.sender), 10)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, m.n, 10)
	dst = append(dst, `,"clock":{`...)
	if heard := p.heard.Load(); heard > 0 {
		dst = append(dst, '"')
		dst = append(dst, p.run.actor...)
		dst = strconv.AppendUint(dst, heard>>heardShift, 10)
		dst = append(dst, `":`...)
		dst = strconv.AppendUint(dst, heard&(1<<heardShift-1), 10)
	}
	dst = append(dst, `},"payload":`...)
	dst = appendPayload(dst, m, p.run.cfg.Payload)
	return append(dst, '}')
}
