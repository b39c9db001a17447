package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Server is what the load cost the relay's process.
type Server struct {
	CPUPercent     float64 `json:"cpu_percent"`         // of one core
	MicrosPerDeliv float64 `json:"cpu_us_per_delivery"` // 0 without deliveries
	RSSBefore      int64   `json:"rss_before_bytes"`    // all joined, no load yet
	RSSAfter       int64   `json:"rss_after_bytes"`     // at the end of the load
	RSSPeak        int64   `json:"rss_peak_bytes"`      // since the process began
}

// server is a process at one moment.
type server struct {
	cpu       time.Duration // user and system, all threads
	rss, peak int64         // bytes
}

// readServer reads a process from /proc; nil if there is none to be read.
func readServer(pid int) *server {
	if pid == 0 {
		return nil
	}
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return nil
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return nil
	}
	s, err := parseServer(stat, status)
	if err != nil {
		return nil
	}
	return s
}

// parseServer reads /proc/PID/stat and /proc/PID/status, see proc_pid_stat(5).
func parseServer(stat, status []byte) (*server, error) {
	// The second field is the program's name in parentheses, and may hold any.
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(f) < 13 {
		return nil, fmt.Errorf("read process state: %d fields", len(f))
	}
	const tick = time.Second / 100 // USER_HZ is 100 on every platform of Go
	user, err := strconv.ParseInt(string(f[11]), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read process state: %w", err)
	}
	system, err := strconv.ParseInt(string(f[12]), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read process state: %w", err)
	}
	s := &server{cpu: time.Duration(user+system) * tick}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			s.rss = kb << 10
		case "VmHWM":
			s.peak = kb << 10
		}
	}
	return s, nil
}

// serverUse sums up a window that lasted d.
func serverUse(before, first, last *server, d time.Duration, deliveries uint64) *Server {
	cpu := last.cpu - first.cpu
	s := &Server{
		CPUPercent: 100 * cpu.Seconds() / d.Seconds(),
		RSSBefore:  before.rss, RSSAfter: last.rss, RSSPeak: last.peak,
	}
	if deliveries > 0 {
		s.MicrosPerDeliv = float64(cpu.Microseconds()) / float64(deliveries)
	}
	return s
}
