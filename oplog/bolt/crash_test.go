package bolt

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/baton-relay/baton/oplog"
)

// Crash images: strace records what a process that appends writes to its file,
// when it syncs, and what it acks. From that, the file is rebuilt as a disk may
// have it if the power fails at some point: what was written before the last
// sync is there; of each write after it, whatever no sync covered, any part may
// be there or not. Each image must open, check clean and have every op that was
// acked by then.

const (
	crashImages = 240
	crashOps    = 450

	// crashSeedEnv replays the images of one seed.
	crashSeedEnv = "BOLT_CRASH_SEED"
)

func TestCrashImages(t *testing.T) {
	r := observe(t)
	failed := r.images(t, crashImages, func(what string) { t.Error(what) })
	t.Logf("%d of %d images passed; %d events, %d of them syncs", crashImages-failed, crashImages, len(r.events), r.syncs())
}

// TestCrashImagesNoSync shows that the images tell a log that syncs from one that
// does not.
func TestCrashImagesNoSync(t *testing.T) {
	r := observe(t, "nosync")
	const n = crashImages / 4
	failed := r.images(t, n, func(string) {})
	t.Logf("%d of %d images failed", failed, n)
	if failed < n/2 {
		t.Errorf("only %d of %d images of a log that does not sync failed", failed, n)
	}
}

// recording is what a process did to its log.
type recording struct {
	base   []byte // the file before
	events []event
}

// event is one thing the process did: exactly one of these.
type event struct {
	data     []byte // written at off
	off      int64
	truncate int64 // to this size, if not -1
	sync     bool
	ack      string // said to the world
}

func (r *recording) syncs() (n int) {
	for _, e := range r.events {
		if e.sync {
			n++
		}
	}
	return n
}

// observe runs a process that appends, and records what it does.
func observe(t *testing.T, args ...string) *recording {
	t.Helper()
	strace := needStrace(t)
	dir := t.TempDir()
	path, trace := filepath.Join(dir, "log.db"), filepath.Join(dir, "trace")
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeChecked(t, l)
	base, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	under := []string{
		strace, "-f", "-qq", "-xx", "-s", "67108864", "-o", trace,
		"-e", "trace=openat,pwrite64,ftruncate,fdatasync,fsync,write", "-e", "signal=none", "--",
	}
	cmd := child(t, under, "append", append([]string{path, strconv.Itoa(crashOps)}, args...)...)
	if out, err := cmd.Output(); err != nil || parseAcks(t, out).refused > 0 {
		t.Fatalf("the process under strace: %v", err)
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events, err := parseTrace(f, path)
	if err != nil {
		t.Fatalf("read the trace: %v", err)
	}
	return &recording{base, events}
}

var (
	openCall = regexp.MustCompile(`^openat\(\w+, "([^"]*)", .*\)\s+= (\d+)`)
	dataCall = regexp.MustCompile(`^(pwrite64|write)\((\d+), "([^"]*)", (\d+)(?:, (\d+))?\)\s+= (\d+)`)
	fileCall = regexp.MustCompile(`^(ftruncate|fdatasync|fsync)\((\d+)(?:, (\d+))?\)\s+= 0`)
)

// parseTrace reads what strace wrote: the events of the file at path and, as
// acks, what was written to standard output. A call counts when it returns,
// except that an ack counts when it begins: somebody may have read it by then.
func parseTrace(r io.Reader, path string) (events []event, err error) {
	begun := map[string]string{} // thread to what it began and has not finished
	db := ""
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return events, err
		}
		thread, call, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		call = strings.TrimLeft(call, " ")
		if start, ok := strings.CutSuffix(call, " <unfinished ...>"); ok {
			begun[thread] = start
			continue
		}
		if rest, ok := strings.CutPrefix(call, "<... "); ok {
			_, rest, _ = strings.Cut(rest, " resumed>")
			call = begun[thread] + rest
		}
		if m := openCall.FindStringSubmatch(call); m != nil {
			if unhex(m[1]) == path {
				db = m[2]
			}
			continue
		}
		e, ok, err := parseCall(call, db)
		if err != nil {
			return nil, err
		}
		if ok {
			events = append(events, e)
		}
	}
}

// parseCall returns the event that a call is, if it is one.
func parseCall(call, db string) (e event, ok bool, err error) {
	e.truncate = -1
	if m := dataCall.FindStringSubmatch(call); m != nil {
		data := unhex(m[3])
		switch {
		case m[1] == "write" && m[2] == "1":
			e.ack = data
			return e, true, nil
		case m[1] == "pwrite64" && m[2] == db:
			e.data = []byte(data)
			e.off, err = strconv.ParseInt(m[5], 10, 64)
			if m[4] != m[6] || m[4] != strconv.Itoa(len(data)) {
				err = fmt.Errorf("a write of %s bytes wrote %s, and the trace has %d", m[4], m[6], len(data))
			}
			return e, true, err
		}
		return e, false, nil
	}
	m := fileCall.FindStringSubmatch(call)
	switch {
	case m == nil || m[2] != db:
		return e, false, nil
	case m[1] == "ftruncate":
		e.truncate, err = strconv.ParseInt(m[3], 10, 64)
	default:
		e.sync = true
	}
	return e, true, err
}

// unhex turns the \x41\x42 of strace -xx into bytes.
func unhex(s string) string {
	b := make([]byte, 0, len(s)/4)
	for i := 0; i+4 <= len(s); i += 4 {
		n, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
		if err != nil {
			return s
		}
		b = append(b, byte(n))
	}
	return string(b)
}

// images rebuilds n images and checks them. It returns how many failed, and calls
// report for each.
func (r *recording) images(t *testing.T, n int, report func(string)) (failed int) {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv(crashSeedEnv); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", crashSeedEnv, err)
		}
	}
	path := filepath.Join(t.TempDir(), "image.db")
	for i := range n {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		// The points are spread over the recording, each at random in its stretch.
		point := (i*len(r.events) + rnd.IntN(len(r.events))) / n
		if err := r.image(point, rnd).write(path); err != nil {
			t.Fatal(err)
		}
		if err := checkImage(t, path, r.acked(t, point)); err != nil {
			failed++
			report(fmt.Sprintf("image %d of seed %d, a crash at event %d: %v", i, seed, point, err))
		}
	}
	return failed
}

// acked returns what was acked before a point.
func (r *recording) acked(t *testing.T, point int) (a acks) {
	var said []byte
	for _, e := range r.events[:point] {
		said = append(said, e.ack...)
	}
	return parseAcks(t, said)
}

// image is the content of a file; behind bytes it has zeros up to its size.
type image struct {
	bytes []byte
	size  int64
}

func (m *image) write(path string) error {
	if err := os.WriteFile(path, m.bytes, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, m.size)
}

// image returns the file as it may be after a crash at a point.
func (r *recording) image(point int, rnd *rand.Rand) *image {
	synced := 0
	for i, e := range r.events[:point] {
		if e.sync {
			synced = i
		}
	}
	m := &image{slices.Clone(r.base), int64(len(r.base))}
	for _, e := range r.events[:synced] {
		m.apply(e)
	}
	loose := slices.Clone(r.events[synced:point])
	rnd.Shuffle(len(loose), func(i, j int) { loose[i], loose[j] = loose[j], loose[i] })
	for _, e := range loose {
		switch rnd.IntN(4) {
		case 0: // lost
		case 1:
			m.apply(e.tear(rnd))
		default:
			m.apply(e)
		}
	}
	return m
}

// apply does to the file what an event did.
func (m *image) apply(e event) {
	switch {
	case e.truncate >= 0:
		m.size = e.truncate
		m.bytes = m.bytes[:min(int64(len(m.bytes)), m.size)]
	case len(e.data) > 0:
		end := e.off + int64(len(e.data))
		if grow := end - int64(len(m.bytes)); grow > 0 {
			m.bytes = append(m.bytes, make([]byte, grow)...)
		}
		copy(m.bytes[e.off:], e.data)
		m.size = max(m.size, end)
	}
}

// tear returns an event of which only part of the sectors reached the disk, from
// the start or from the end.
func (e event) tear(rnd *rand.Rand) event {
	const sector = 512
	if len(e.data) <= sector {
		return e
	}
	cut := sector * (1 + rnd.IntN((len(e.data)-1)/sector))
	if rnd.IntN(2) == 0 {
		e.data = e.data[:cut]
	} else {
		e.off += int64(cut)
		e.data = e.data[cut:]
	}
	return e
}

// checkImage says what is wrong with an image.
func checkImage(t *testing.T, path string, a acks) (err error) {
	t.Helper()
	l, err := Open(path, Options{})
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	defer l.Close()
	var found bytes.Buffer
	if err := l.Check(t.Context(), func(c *oplog.CorruptionError) { fmt.Fprintln(&found, c) }); err != nil {
		return err
	}
	if lost := a.lost(l); len(lost) > 0 {
		fmt.Fprintln(&found, "acked and lost:", lost)
	}
	if found.Len() > 0 {
		return fmt.Errorf("%.2000s", found.String())
	}
	return nil
}
