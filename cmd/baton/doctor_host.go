package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// Files that a relay has open beside its connections.
const ownFiles = 64

// checkFileLimit says how many connections there can be: each is an open file.
func checkFileLimit(_ context.Context, x *examination) []finding {
	limit, known := fileLimit()
	if !known {
		return nil
	}
	most := sessionsFor(limit)
	says := fmt.Sprintf("%d, so about %d sessions", limit, most)
	const do = "LimitNOFILE=1048576 in the systemd unit, --ulimit nofile=1048576 for a container, or two lines in /etc/security/limits.conf: USER soft nofile 1048576, USER hard nofile 1048576"
	switch {
	case most > 0 && (x.Limits.MaxSessions == 0 || uint64(x.Limits.MaxSessions) > most):
		return bad(stateFail, fmt.Sprintf("--max-sessions %d, or more files: %s", most, do), "%s; --max-sessions allows more, and then nobody gets in, nor can the log be backed up", says)
	case limit < 512:
		return bad(stateFail, do, "%s", says)
	case limit < 8192:
		return bad(stateWarn, do, "%s", says)
	}
	return good("%s", says)
}

// checkBacklog looks at how many connections may wait to be taken: all clients
// come back at once when a relay was away.
func checkBacklog(context.Context, *examination) []finding {
	n, known := backlog()
	switch {
	case !known:
		return nil
	case n < 1024:
		return bad(stateWarn, "sysctl -w net.core.somaxconn=4096, and in /etc/sysctl.d", "%d connections may wait to be taken, fewer than come back at once", n)
	}
	return good("%d connections may wait to be taken", n)
}

// checkClock asks whether the clock is right, as far as the kernel knows.
func checkClock(context.Context, *examination) []finding {
	now := time.Now()
	if y := now.Year(); y < 2026 || y > 2100 {
		return bad(stateFail, "set the clock: tokens and certificates are valid by it", "it is said to be the year %d", y)
	}
	synced, off, known := clockState()
	switch {
	case !known:
		return good("%v", now.Format(time.RFC3339))
	case !synced:
		return bad(stateWarn, "run chrony or systemd-timesyncd", "%v, but nothing keeps the clock right", now.Format(time.RFC3339))
	}
	return good("%v, kept right to within %v", now.Format(time.RFC3339), off)
}

// checkSteady says whether the clock was set meanwhile.
func checkSteady(from, to time.Time) []finding {
	return judgeSteady(to.Sub(from), to.Round(0).Sub(from.Round(0))) // Round takes the monotonic reading off
}

func judgeSteady(passed, shown time.Duration) []finding {
	if jump := shown - passed; jump.Abs() > 500*time.Millisecond {
		return bad(stateWarn, "see who sets the clock, and have it slowed or sped up instead", "it jumped by %v while this ran", jump.Round(time.Millisecond))
	}
	return good("it ran steadily for the %v that this took", passed.Round(100*time.Millisecond))
}

// checkMachine says what there is to run on.
func checkMachine(context.Context, *examination) []finding {
	m := memory()
	says := fmt.Sprintf("%d of %d processors", runtime.GOMAXPROCS(0), runtime.NumCPU())
	if m.limit > 0 {
		says += fmt.Sprintf(", %s of memory", bytesOf(m.limit))
		if m.group {
			says += " by the limit of its control group"
		}
	}
	switch {
	case m.limit > 0 && m.limit < 128<<20:
		return bad(stateWarn, "give it more", "%s", says)
	case m.limit > 0 && m.goLimit > m.limit:
		return bad(stateWarn, "take GOMEMLIMIT below that, or leave it out", "%s, and GOMEMLIMIT is %s", says, bytesOf(m.goLimit))
	}
	return good("%s", says)
}

// memoryState is what memory there is; zero is not known.
type memoryState struct {
	limit   uint64 // what this process may have
	group   bool   // by the limit of a control group
	goLimit uint64 // GOMEMLIMIT, if it is set
}
