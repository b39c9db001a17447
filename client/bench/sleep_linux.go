package bench

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper wakes at the time asked for. The runtime's own timers are late by up
// to a millisecond on Linux when the process is idle (epoll counts in
// milliseconds), which would be counted as latency of the relay. A timer file
// descriptor is not.
type sleeper struct{ timer *os.File }

func newSleeper() (*sleeper, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create timer: %w", err)
	}
	return &sleeper{os.NewFile(uintptr(fd), "timerfd")}, nil
}

func (s *sleeper) sleep(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	raw, err := s.timer.SyscallConn()
	if err != nil {
		return fmt.Errorf("set timer: %w", err)
	}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
		setErr = unix.TimerfdSettime(int(fd), 0, &at, nil)
	})
	if err = errors.Join(err, setErr); err != nil {
		return fmt.Errorf("set timer: %w", err)
	}
	var expirations [8]byte
	if _, err := s.timer.Read(expirations[:]); err != nil {
		return fmt.Errorf("wait for timer: %w", err)
	}
	return nil
}

func (s *sleeper) close() { _ = s.timer.Close() }
