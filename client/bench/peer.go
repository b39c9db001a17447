package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
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
func dial(ctx context.Context, cfg *Config, readBuffer int) (net.Conn, wire.Limits, error) {
	header := http.Header{}
	if cfg.Token != "" {
		header.Set("Authorization", "Bearer "+cfg.Token)
	}
	d := websocket.Dialer{
		Subprotocols:   []string{wire.Subprotocol},
		ReadBufferSize: 1024, WriteBufferSize: 512,
		HandshakeTimeout: 30 * time.Second,
	}
	if readBuffer > 0 {
		d.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if tcp, ok := conn.(*net.TCPConn); ok {
				err = tcp.SetReadBuffer(readBuffer)
			}
			return conn, err
		}
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

// read handles frames until the connection ends.
func (p *peer) read() error {
	for {
		op, payload, err := p.frames.next()
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		switch op {
		case opText:
			p.handle(payload)
		case opPing:
			const opPong = 10
			err = p.write(opPong, func(b []byte) []byte { return append(b, payload...) })
		case opClose:
			err = closeError(payload)
		}
		if err != nil {
			return err
		}
	}
}

func closeError(payload []byte) error {
	if len(payload) < 2 {
		return errors.New("closed by the relay")
	}
	return fmt.Errorf("closed by the relay: %d %s", int(payload[0])<<8|int(payload[1]), payload[2:])
}

func (p *peer) handle(frame []byte) {
	switch k := kind(frame); k {
	case "ops":
		p.handleOps(frame)
	case "ack":
		p.handleAck(field(frame, `"seq":`))
	case "presence":
		p.handlePresence(frame)
	case "live":
		if p.live != nil {
			close(p.live)
			p.live = nil
		}
	case "reject":
		var r wire.Reject
		_ = json.Unmarshal(frame, &r)
		p.run.tally.refuse("reject " + string(r.Code))
	case "error", "left":
		var e wire.Error
		_ = json.Unmarshal(frame, &e)
		p.run.tally.refuse(k + " " + string(e.Code))
	}
}

func (p *peer) handleOps(frame []byte) {
	t, from := &p.run.tally, p.run.from.Load()
	var all, counted, repeated, skipped uint64
	for m, rest, ok := nextMark(frame); ok; m, rest, ok = nextMark(rest) {
		all++
		if m.sender >= len(p.seen) || m.n <= p.seen[m.sender] {
			repeated++
			continue
		}
		if m.n > p.seen[m.sender]+1 {
			skipped++
		}
		p.seen[m.sender] = m.n
		p.heard.Store(uint64(m.sender)<<heardShift | m.n)
		if m.due >= from {
			counted++
			if !p.slow {
				t.delivery.add(p.frames.at - m.due)
			}
		}
	}
	if p.slow {
		t.slowReceived.Add(counted)
	} else {
		t.received.Add(counted)
	}
	if p.run.inWindow(p.frames.at) {
		t.inWindow.Add(all)
	}
	if repeated|skipped > 0 {
		t.repeated.Add(repeated)
		t.skipped.Add(skipped)
	}
}

// handleAck takes the ops up to seq as durable.
func (p *peer) handleAck(seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.run.from.Load()
	for ; p.acked < min(seq, p.n); p.acked++ {
		due := p.waiting[0]
		p.waiting = p.waiting[1:]
		if due >= from {
			p.run.tally.ack.add(p.frames.at - due)
			p.run.tally.acked.Add(1)
		}
	}
}

func (p *peer) handlePresence(frame []byte) {
	if !p.run.inWindow(p.frames.at) {
		return
	}
	t := &p.run.tally
	t.presenceFrames.Add(1)
	t.presenceBytes.Add(uint64(len(frame)))
	t.presenceStates.Add(uint64(bytes.Count(frame, cursorMark)))
	if i := bytes.Index(frame, cursorMark); i >= 0 {
		due, _ := number(frame[i+len(cursorMark):])
		t.cursor.add(p.frames.at - int64(due))
	}
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
	now := p.run.now()
	p.run.tally.lag.add(now - t.due)
	dst, start := beginFrame(dst)
	if t.cursor {
		dst = p.encodeCursor(dst, t.due)
	} else {
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
	dst = append(dst, `{"actor":"b`...)
	dst = strconv.AppendInt(dst, int64(m.sender), 10)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, m.n, 10)
	dst = append(dst, `,"clock":{`...)
	if heard := p.heard.Load(); heard > 0 {
		dst = append(dst, `"b`...)
		dst = strconv.AppendUint(dst, heard>>heardShift, 10)
		dst = append(dst, `":`...)
		dst = strconv.AppendUint(dst, heard&(1<<heardShift-1), 10)
	}
	dst = append(dst, `},"payload":`...)
	dst = appendPayload(dst, m, p.run.cfg.Payload)
	return append(dst, '}')
}
