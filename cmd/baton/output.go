package main

import (
	"io"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// lossyLog is where the relay's log goes. A line that cannot be written is counted
// and lost: whoever read it may be gone, and the relay serves on.
type lossyLog struct {
	w    io.Writer
	lost atomic.Uint64 // lines
}

// newLossyLog returns a log on w. From then on a write to a pipe that nobody
// reads is an error like others, where SIGPIPE would end a program by default,
// and systemd would count that as a clean end.
func newLossyLog(w io.Writer) *lossyLog {
	signal.Ignore(syscall.SIGPIPE)
	return &lossyLog{w: w}
}

// Write implements [io.Writer] for a handler that writes one line at a time.
func (l *lossyLog) Write(line []byte) (int, error) {
	n, err := l.w.Write(line)
	if err != nil {
		l.lost.Add(1)
	}
	return n, err
}
