package doc

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// limitProcess bounds this process: its address space in bytes, its processor
// time, and that it leaves no core file of a document's content behind.
func limitProcess(memory int64, cpu time.Duration) error {
	seconds := uint64(max(1, (cpu+time.Second-1)/time.Second))
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
