package client

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/wire"
)

// run reads one socket after the other until the connection has ended for good.
func (c *Conn) run(s *socket) {
	for {
		err := c.serve(s)
		if judge(err).final {
			c.finish(endError(err))
			return
		}
		c.detach(s, err)
		if s, err = c.reconnect(s, err); err != nil {
			c.finish(err)
			return
		}
		c.attach(s)
	}
}

// serve reads a socket to its end; a second goroutine writes it meanwhile.
func (c *Conn) serve(s *socket) error {
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if failed = c.write(s); failed != nil {
			s.life.last(time.Second) // the reader may still find out why
		}
	}()
	err := c.read(s)
	close(s.ended)
	_ = s.ws.Close()
	<-done
	if _, ok := errors.AsType[*websocket.CloseError](err); !ok && failed != nil {
		err = failed
	}
	return err
}

// read handles frames until the socket ends.
func (c *Conn) read(s *socket) error {
	var buf bytes.Buffer
	for {
		kind, r, err := s.ws.NextReader()
		if err != nil {
			return fmt.Errorf("read frame: %w", err)
		}
		if buf.Cap() > 256<<10 {
			buf = bytes.Buffer{}
		}
		buf.Reset()
		if _, err := buf.ReadFrom(r); err != nil {
			return fmt.Errorf("read frame: %w", err)
		}
		if kind != websocket.TextMessage {
			return errors.New("read frame: it is not text")
		}
		f, err := decodeFrame(buf.Bytes())
		if err != nil {
			return err
		}
		if d := c.handle(s, f, buf.Len()); d != nil {
			c.awaitRoom(d)
		}
	}
}

// awaitRoom blocks the reader while too much of a document was not received,
// unless somebody waits for an ack that may be behind it.
func (c *Conn) awaitRoom(d *Doc) {
	for {
		c.mu.Lock()
		full := d.end == nil && d.inbox.bytes > c.opts.Buffer && d.waiters == 0
		next := d.inbox.drained.next()
		c.mu.Unlock()
		if !full {
			return
		}
		select {
		case <-next:
		case <-c.ctx.Done():
			return
		}
	}
}

// attach makes a socket the current one; its writer enters all documents anew.
func (c *Conn) attach(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		_ = s.ws.Close()
	}
	c.sock, c.lastWelcome, c.drainingMS = s, s.welcome, -1
	c.poke()
}

// detach takes a socket back that has ended with err.
func (c *Conn) detach(s *socket, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sock, c.formerSecret, c.control = nil, s.welcome.Replace, nil
	for _, d := range c.order {
		d.cut(err)
	}
}

// reconnect waits as the end of the last socket asks for, and opens another.
// An error is final.
func (c *Conn) reconnect(last *socket, err error) (*socket, error) {
	refusedTokens := 0
	connected := last.born
	for {
		v := judge(err)
		if c.ctx.Err() != nil {
			return nil, ErrClosed
		}
		if v.newToken {
			refusedTokens++
		}
		if v.final || v.newToken && (c.opts.TokenSource == nil || refusedTokens > 3) {
			return nil, endError(err)
		}
		wait := c.pause(v, connected)
		connected = time.Time{}
		c.log.Info("connection lost", "err", err, "retry_in", wait)
		if !c.sleep(wait) {
			return nil, ErrClosed
		}
		if v.newToken {
			if err = c.renewToken(c.ctx); err != nil {
				continue
			}
		}
		var s *socket
		if s, err = c.dial(c.ctx); err == nil {
			return s, nil
		}
	}
}

// pause returns how long to wait before the next attempt. connected is when
// the socket that was lost was opened, zero if there was none.
func (c *Conn) pause(v verdict, connected time.Time) time.Duration {
	if !connected.IsZero() && !v.slow && time.Since(connected) > lasting {
		c.backoff.succeeded()
	}
	c.mu.Lock()
	draining := c.drainingMS
	c.mu.Unlock()
	wait := c.backoff.failed()
	switch {
	case v.restart || draining >= 0:
		c.mu.Lock()
		c.drainingMS = -1
		c.mu.Unlock()
		return milliseconds(draining) + wait
	case v.slow:
		return max(v.after, c.opts.MinBackoff) + wait
	}
	return wait
}

// sleep reports whether it was not ended by Close.
func (c *Conn) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// finish ends the connection and all stays for good.
func (c *Conn) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	for _, d := range append([]*Doc(nil), c.order...) {
		d.over(err)
	}
}

// cut prepares a document for the next connection. conn.mu is held.
func (d *Doc) cut(err error) {
	d.stage, d.leaveFirst, d.notBefore = outside, false, time.Time{}
	d.out.reset()
	d.presence.begun = false
	d.inbox.cut()
	d.inbox.put(item{update: Update{Status: &Status{State: Offline, Access: d.access, Err: err}}})
	d.entering.fire()
}

// rejoin leaves the document and enters it again on the same connection.
func (d *Doc) rejoin(err error) {
	if d.stage == over {
		return
	}
	leave := d.stage != outside
	d.cut(err)
	d.leaveFirst = leave
	d.conn.poke()
}

// poke has the writer look for something to send. mu is held or not.
func (c *Conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// maxControl bounds the frames that wait for the writer beside ops, states and
// joins: those that a cut may lose.
const maxControl = 1024

// send queues a frame for the current socket. mu is held.
func (c *Conn) send(f any) {
	if c.sock == nil || len(c.control) >= maxControl {
		return
	}
	c.control = append(c.control, encodeFrame(f))
	c.poke()
}

var pingFrame = []byte(`{"type":"` + wire.TypePing + `"}`)
