package relay

import (
	"net"
	"testing"
	"time"
)

// heldConn holds up the second nudge until the reader has taken off the deadline of
// the first.
type heldConn struct {
	net.Conn
	nudges        int // owned by the goroutines that nudge, one after the other
	held, cleared chan struct{}
}

// SetReadDeadline implements [net.Conn].
func (c *heldConn) SetReadDeadline(at time.Time) error {
	if at.IsZero() {
		defer func() { c.cleared <- struct{}{} }()
		return c.Conn.SetReadDeadline(at)
	}
	if c.nudges++; c.nudges == 2 {
		close(c.held)
		select {
		case <-c.cleared:
		case <-time.After(100 * time.Millisecond): // the reader waits for this nudge to end
		}
	}
	return c.Conn.SetReadDeadline(at)
}

// A nudge that begins while the reader answers the one before leaves no deadline
// behind: the reader goes on to read.
func TestNudgesThatOverlap(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	held := &heldConn{Conn: there, held: make(chan struct{}), cleared: make(chan struct{}, 10)}
	c := newConn(held, time.Minute, 1<<20)
	c.nudge()
	nudged := make(chan struct{})
	go func() {
		defer close(nudged)
		c.nudge()
	}()
	<-held.held
	read := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	<-nudged
	_ = here.SetWriteDeadline(time.Now().Add(patience))
	if _, err := here.Write([]byte("x")); err != nil {
		t.Errorf("write: %v", err)
	}
	if err := <-read; err != nil {
		t.Errorf("the reader got %v, want the byte", err)
	}
}
