package client

import (
	"slices"
	"strconv"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// write sends what there is to send until the socket ends.
func (c *Conn) write(s *socket) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	pinged := s.born
	for {
		frames, again := c.collect(s, time.Now())
		for _, f := range frames {
			if err := s.write(f); err != nil {
				return err
			}
		}
		if len(frames) > 0 {
			continue
		}
		// Silence for a heartbeat is answered with a question; the reader gives up
		// after two.
		quiet := min(s.life.silence(), time.Since(pinged))
		if quiet >= s.heartbeat() {
			pinged = time.Now()
			if err := s.write(pingFrame); err != nil {
				return err
			}
			continue
		}
		wait := s.heartbeat() - quiet
		if !again.IsZero() {
			wait = min(wait, time.Until(again))
		}
		timer.Reset(max(wait, 0))
		select {
		case <-c.wake:
		case <-timer.C:
		case <-s.ended:
			return nil
		}
	}
}

// collect takes what is to be sent now; again is when to look once more, zero
// if only a poke brings more.
func (c *Conn) collect(s *socket, now time.Time) (frames [][]byte, again time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sock != s {
		return nil, time.Time{}
	}
	later := func(t time.Time) {
		if t.After(now) && (again.IsZero() || t.Before(again)) {
			again = t
		}
	}
	frames, c.control = c.control, nil
	open := c.open()
	for _, d := range c.order {
		switch {
		case d.stage == outside && d.notBefore.After(now):
			later(d.notBefore)
		case d.stage == outside:
			frames = append(frames, d.enter()...)
		}
		if d.stage != inside {
			continue
		}
		if d.presence.unsent {
			d.presence.unsent = false
			frames = append(frames, encodeFrame(&presenceFrame{Type: wire.TypePresence, ID: idPresence, Doc: d.name, State: d.presence.text()}))
		}
		if !d.withheld && c.drainingMS < 0 {
			later(d.out.notYet)
			frames = append(frames, d.ops(now, &open)...)
		}
	}
	return frames, again
}

// open returns how many more ops may be sent before acks come: beyond what the
// relay says it would not read on.
func (c *Conn) open() int {
	limit := c.lastWelcome.Limits.UnackedOps
	if limit <= 0 {
		limit = 1024
	}
	for _, d := range c.order {
		limit -= d.out.sent
	}
	return max(0, limit)
}

// ops returns the next frames of own ops: a few, so that all documents of a
// connection get their turn.
func (d *Doc) ops(now time.Time, open *int) (frames [][]byte) {
	perFrame := d.conn.lastWelcome.Limits.OpsPerFrame
	if perFrame <= 0 {
		perFrame = 64
	}
	const atOnce = 4
	for range atOnce {
		batch := d.out.next(now, min(perFrame, *open))
		if len(batch) == 0 {
			return frames
		}
		*open -= len(batch)
		b := append([]byte(nil), `{"type":"ops","id":"`+idOps+`:`...)
		b = strconv.AppendUint(b, batch[0].op.Seq, 10)
		b = append(b, `","doc":"`...)
		b = append(b, d.name...)
		b = append(b, `","ops":[`...)
		for i, out := range batch {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, out.text...)
		}
		frames = append(frames, append(b, wire.OpsEnd...))
	}
	return frames
}

// enter returns the join, behind a leave if the relay still has the session in.
func (d *Doc) enter() (frames [][]byte) {
	if d.leaveFirst {
		d.leaveFirst = false
		frames = append(frames, encodeFrame(&leaveFrame{Type: wire.TypeLeave, ID: idLeave, Doc: d.name}))
	}
	c, p := d.conn, &d.place
	c.joins++
	d.joinNumber = uint64(c.joins)
	d.stage = joining
	j := &joinFrame{
		Type: wire.TypeJoin, ID: idJoin + ":" + strconv.Itoa(c.joins), Doc: d.name,
		Format: d.opts.Format, Replaces: c.formerSecret,
	}
	if d.noSnapshot {
		j.Snapshot = new(bool)
	}
	switch {
	case d.opts.NoOps && d.opts.NoPresence:
		j.Channels = []string{}
	case d.opts.NoOps:
		j.Channels = []string{"presence"}
	case d.opts.NoPresence:
		j.Channels = []string{"ops"}
	}
	if have := p.seen.have; !d.opts.NoOps && (have.Len() > 0 || p.offset > 0) {
		j.Since = &sinceFrame{Clock: have.Clone()}
		if !d.byClock {
			j.Since.Epoch, j.Since.Offset = p.epoch, p.offset
		}
	}
	return append(frames, encodeFrame(j))
}

// text returns the own state as the frame has it.
func (p *presence) text() []byte {
	if p.state == nil {
		return []byte("null")
	}
	return slices.Clone(p.state)
}
