package relay

import (
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

// parking is where idle sessions wait for their next byte, all in one epoll
// instead of in a goroutine each: a goroutine and its stack would be the larger
// part of what an idle connection costs. It opens with the first that comes.
type parking struct {
	// static
	running *sync.WaitGroup // of the goroutines that it starts
	log     *slog.Logger
	free    func() // gives memory back to the system

	mu sync.Mutex
	// below guarded by mu
	epoll  *os.File // nil before the first
	raw    syscall.RawConn
	broken bool                // epoll is not to be had
	last   uint32              // the newest ticket
	lot    map[uint32]*session // who waits, by ticket
	fresh  int                 // how many came for the first time since tidied
	known  int                 // fresh, when tidy last looked
	grown  time.Time           // when tidy last saw it grow
	tidied time.Time           // when memory was last given back
	busy   bool                // it is being given back now
}

func newParking(running *sync.WaitGroup, log *slog.Logger) *parking {
	return &parking{running: running, log: log, free: debug.FreeOSMemory, lot: map[uint32]*session{}}
}

// open makes the epoll and starts run, once.
func (p *parking) open() bool {
	if p.epoll != nil || p.broken {
		return !p.broken
	}
	// An epoll can itself be waited for: a non-blocking file is watched by the
	// runtime, so that no thread is spent on it.
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	if err == nil {
		p.epoll = os.NewFile(uintptr(fd), "epoll")
		p.raw, err = p.epoll.SyscallConn()
	}
	if err != nil {
		p.broken = true
		p.log.Warn("idle sessions keep a goroutine each", logError, err)
		return false
	}
	p.running.Go(p.run)
	return true
}

// park has a session's reader started again once there is something to read.
// The caller, the reader, must end if it reports true, and go on if not.
func (p *parking) park(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open() {
		return false
	}
	s.mu.Lock()
	ending := s.ending != nil
	if !ending {
		p.last = max(p.last+1, 1)
		s.ticket = p.last
	}
	s.mu.Unlock()
	if ending {
		return false
	}
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | oneShot, Fd: int32(p.last)}
	op := syscall.EPOLL_CTL_ADD
	if s.conn.watched {
		op = syscall.EPOLL_CTL_MOD
	}
	var err error
	ctlErr := s.conn.raw.Control(func(fd uintptr) {
		err = p.raw.Control(func(epoll uintptr) { err = syscall.EpollCtl(int(epoll), op, int(fd), &ev) })
	})
	if err != nil || ctlErr != nil {
		s.setTicket(0)
		return false
	}
	if !s.conn.watched {
		s.conn.watched = true
		p.fresh++
	}
	p.lot[p.last] = s
	return true
}

// oneShot has an event be told once: the reader that it starts asks again.
const oneShot = 1 << 30 // EPOLLONESHOT

// run starts the readers of sessions that have something to read, until close.
func (p *parking) run() {
	var events [128]syscall.EpollEvent
	n := 0
	wait := func(fd uintptr) bool {
		var err error
		n, err = syscall.EpollWait(int(fd), events[:], 0)
		return n > 0 || err != nil && err != syscall.EINTR
	}
	for p.raw.Read(wait) == nil {
		for _, ev := range events[:max(n, 0)] {
			p.leave(uint32(ev.Fd))
		}
	}
}

// leave starts the reader of the session that holds a ticket, if it still waits.
func (p *parking) leave(ticket uint32) {
	p.mu.Lock()
	s := p.lot[ticket]
	delete(p.lot, ticket)
	p.mu.Unlock()
	if s != nil {
		s.setTicket(0)
		go s.read()
	}
}

// tidy gives back the memory of many new sessions' beginnings, once no more come:
// their stacks and what their handshakes left. An idle relay allocates nothing, so
// the runtime would see no reason to look for minutes. While sessions come and go
// it sees that by itself. Collecting takes as long as the heap is large: tidy's
// caller does not wait for it.
func (p *parking) tidy(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fresh > p.known {
		p.known, p.grown = p.fresh, now
	}
	if p.busy || p.fresh < tidyAfter || now.Sub(p.grown) < tidyCalm || now.Sub(p.tidied) < tidyPause {
		return
	}
	p.fresh, p.known, p.tidied, p.busy = 0, 0, now, true
	p.running.Go(func() {
		p.free()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.busy = false
	})
}

// When memory is given back: after so many new sessions that have gone idle, when
// none came for so long, and so long after the last time.
const (
	tidyAfter = 1000
	tidyCalm  = 5 * time.Second
	tidyPause = time.Minute
)

// close ends run. Nobody waits any more by then.
func (p *parking) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
	if p.epoll != nil {
		p.epoll.Close()
	}
}
