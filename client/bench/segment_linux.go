package bench

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// smallSegments gives a connection the segments of an ordinary network. With the
// 64 KiB of loopback, TCP opens the window of a slow reader once a minute.
func smallSegments(_, _ string, c syscall.RawConn) (err error) {
	const segment = 1448
	ctlErr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, segment)
	})
	if ctlErr != nil {
		return ctlErr
	}
	return err
}
