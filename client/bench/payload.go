package bench

import (
	"bytes"
	"strconv"
)

// An op's payload is
//
//	{"~t":T,"s":S,"n":N,"p":"xxx…"}
//
// T: when it was due, in nanoseconds since the run began. S: which participant
// of its room sent it. N: the how-manieth op of that participant, which is also
// its seq. A relay keeps payloads byte for byte, so this is found again as it
// was written.
var (
	opMark     = []byte(`{"~t":`)
	cursorMark = []byte(`{"~c":`)
)

// mark is what a payload says of its op.
type mark struct {
	due    int64
	sender int
	n      uint64
}

// appendPayload appends a payload of exactly size bytes, where the numbers
// leave room for that.
func appendPayload(dst []byte, m mark, size int) []byte {
	start := len(dst)
	dst = append(dst, opMark...)
	dst = strconv.AppendInt(dst, m.due, 10)
	dst = append(dst, `,"s":`...)
	dst = strconv.AppendInt(dst, int64(m.sender), 10)
	dst = append(dst, `,"n":`...)
	dst = strconv.AppendUint(dst, m.n, 10)
	dst = append(dst, `,"p":"`...)
	for len(dst)-start < size-2 {
		dst = append(dst, 'x')
	}
	return append(dst, '"', '}')
}

// nextMark returns the next payload's mark in an ops frame and what follows it.
func nextMark(b []byte) (m mark, rest []byte, ok bool) {
	_, after, found := bytes.Cut(b, opMark)
	if !found {
		return mark{}, nil, false
	}
	due, b := number(after)
	sender, b := number(b[min(len(b), len(`,"s":`)):])
	n, b := number(b[min(len(b), len(`,"n":`)):])
	return mark{int64(due), int(sender), n}, b, true
}

// number reads the digits at the head of b.
func number(b []byte) (n uint64, rest []byte) {
	for i, c := range b {
		if c < '0' || c > '9' {
			return n, b[i:]
		}
		n = n*10 + uint64(c-'0')
	}
	return n, nil
}

// kind returns the type of a frame. Relays write it first; one that does not is
// read too.
func kind(frame []byte) string {
	const first = `{"type":"`
	switch {
	case bytes.HasPrefix(frame, []byte(first)):
		frame = frame[len(first):]
	default:
		i := bytes.Index(frame, []byte(first[1:]))
		if i < 0 {
			return ""
		}
		frame = frame[i+len(first)-1:]
	}
	// No allocation for the types there are many of.
	switch end := max(0, bytes.IndexByte(frame, '"')); string(frame[:end]) {
	case "ops":
		return "ops"
	case "ack":
		return "ack"
	case "presence":
		return "presence"
	default:
		return string(frame[:end])
	}
}

// field returns the number behind the last `"name":` of a frame.
func field(frame []byte, name string) uint64 {
	i := bytes.LastIndex(frame, []byte(name))
	if i < 0 {
		return 0
	}
	n, _ := number(frame[i+len(name):])
	return n
}
