package doc

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wholeSeconds rounds a time up to seconds, of which there is at least one.
func wholeSeconds(d time.Duration) uint64 { return uint64(max(d-1, 0)/time.Second) + 1 }

// limitProcess bounds this process: its address space in bytes, its processor
// time, and that it leaves no core file of a document's content behind.
func limitProcess(memory int64, cpu time.Duration) error {
	seconds := wholeSeconds(cpu)
	limits := map[int]unix.Rlimit{
		unix.RLIMIT_CPU:  {Cur: seconds, Max: seconds + 1},
		unix.RLIMIT_CORE: {},
	}
	if !raceDetector {
		limits[unix.RLIMIT_AS] = unix.Rlimit{Cur: uint64(memory), Max: uint64(memory)}
	}
	for resource, limit := range limits {
		if err := unix.Setrlimit(resource, &limit); err != nil {
			return fmt.Errorf("limit the process: %w", err)
		}
	}
	return nil
}

// limitData bounds a program of others' that has started and was given nothing yet:
// its data in bytes, its processor time, and that it leaves no core file behind. Its
// address space is no measure: WebAssembly reserves gigabytes of it.
func limitData(pid int, memory int64, cpu time.Duration) error {
	seconds := wholeSeconds(cpu)
	for resource, limit := range map[int]unix.Rlimit{
		unix.RLIMIT_CPU:  {Cur: seconds, Max: seconds + 1},
		unix.RLIMIT_CORE: {},
		unix.RLIMIT_DATA: {Cur: uint64(memory), Max: uint64(memory)},
	} {
		if err := unix.Prlimit(pid, resource, &limit, nil); err != nil {
			return fmt.Errorf("limit the process: %w", err)
		}
	}
	return nil
}

// boundToParent has a command end with this process, and with all that it starts.
func boundToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
