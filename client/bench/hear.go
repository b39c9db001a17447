package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/relay/wire"
)

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
	if _, after, ok := bytes.Cut(frame, cursorMark); ok {
		due, _ := number(after)
		t.cursor.add(p.frames.at - int64(due))
	}
}
