package main

import (
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	marks = regexp.MustCompile(`mark-(w\d)-\d{6}`)
	// told matches an op that is delivered and one that is acked: both carry its name.
	told = regexp.MustCompile(`"actor":"(w\d)","seq":(\d+)`)
	// position matches the last argument of a pwrite64.
	position = regexp.MustCompile(`, (\d+)(?: <unfinished \.\.\.><\.\.\. pwrite64 resumed>)?\) += `)
)

// rest returns the end of a stream that may hold the beginning of another match.
func rest(text string, matches [][]int) string {
	from := 0
	if n := len(matches); n > 0 {
		from = matches[n-1][1]
	}
	return text[max(from, len(text)-64):]
}

// The stages of an op on its way to the disk.
type stage int

const (
	unknown   stage = iota
	arrived         // its bytes were read
	written         // a page with it was written to the log's file
	synced          // and synced
	committed       // the meta page behind it was written
	onDisk          // and synced
)

func (s stage) String() string {
	return []string{"unknown", "arrived", "written", "synced", "committed", "durable"}[s]
}

type watched struct {
	stage   stage
	syncing bool            // a sync began when it was at this stage
	on      map[string]bool // connections on which it was told
}

type tooEarly struct {
	stage stage
	where string
}

// verdict follows all ops through a trace.
type verdict struct {
	ops   map[string]*watched // by marker
	early map[string]tooEarly // ops that were heard of before they were durable
	told  map[string]int      // by actor, the last op that anyone was told of
	syncs int
	odd   []string          // writes to the log that were not understood
	tails map[string]string // the ends of what went over each connection
}

func (v *verdict) op(mark string) *watched {
	o := v.ops[mark]
	if o == nil {
		o = &watched{on: map[string]bool{}}
		v.ops[mark] = o
	}
	return o
}

func (v *verdict) begin(c *call) {
	socket, isSocket := c.socket()
	switch {
	case isSocket && c.name != "read":
		v.sent(socket, c.data())
	case c.log() && strings.HasSuffix(c.name, "sync"):
		for _, o := range v.ops {
			o.syncing = o.stage == written || o.stage == committed
		}
	}
}

func (v *verdict) end(c *call) {
	socket, isSocket := c.socket()
	switch {
	case c.result < 0:
	case isSocket && c.name == "read":
		v.received(socket, c.data())
	case c.log() && strings.HasSuffix(c.name, "sync"):
		v.syncs++
		for _, o := range v.ops {
			if o.syncing {
				o.stage++
			}
			o.syncing = false
		}
	case c.log() && c.name == "pwrite64":
		v.stored(c)
	}
}

func (v *verdict) received(socket, data string) {
	text := v.tails["from "+socket] + data
	matches := marks.FindAllStringIndex(text, -1)
	for _, m := range matches {
		if o := v.op(text[m[0]:m[1]]); o.stage == unknown {
			o.stage = arrived
		}
	}
	v.tails["from "+socket] = rest(text, matches)
}

// stored notes what a write to the log's file brings there. The first two pages
// are the meta pages, of which the newer one says which pages are the log.
func (v *verdict) stored(c *call) {
	if m := position.FindStringSubmatch(c.text[max(0, len(c.text)-200):]); m == nil {
		v.odd = append(v.odd, c.text)
	} else if at, _ := strconv.Atoi(m[1]); at < 2*os.Getpagesize() {
		for _, o := range v.ops {
			if o.stage == synced {
				o.stage = committed
			}
		}
		return
	}
	for _, mark := range marks.FindAllString(c.text, -1) {
		if o := v.op(mark); o.stage == arrived {
			o.stage = written
		}
	}
}

func (v *verdict) sent(socket, data string) {
	text := v.tails["to "+socket] + data
	matches := told.FindAllStringSubmatchIndex(text, -1)
	for _, m := range matches {
		actor := text[m[2]:m[3]]
		seq, _ := strconv.Atoi(text[m[4]:m[5]])
		v.op(marker(actor, seq)).on[socket] = true
		// An ack is about all ops up to it, and a delivery comes after all of them.
		for ; v.told[actor] < seq; v.told[actor]++ {
			mark := marker(actor, v.told[actor]+1)
			if o := v.op(mark); o.stage < onDisk {
				v.early[mark] = tooEarly{o.stage, socket}
			}
		}
	}
	v.tails["to "+socket] = rest(text, matches)
}

// complete holds the trace to what the clients know: every op came, and was
// told to the other writer and to both listeners.
func (v *verdict) complete(t *testing.T, n int) {
	t.Helper()
	for _, text := range v.odd {
		t.Errorf("a write to the log that makes no sense: … %s", text[max(0, len(text)-200):])
	}
	if len(v.ops) != n {
		t.Errorf("the trace shows %d ops, want %d", len(v.ops), n)
	}
	for mark, o := range v.ops {
		if o.stage == unknown {
			t.Errorf("the trace does not show how %s came in", mark)
		}
		if len(o.on) < 3 {
			t.Errorf("the trace shows %s told to %d connections, want at least 3", mark, len(o.on))
		}
	}
}

func (v *verdict) connections() int {
	all := map[string]bool{}
	for _, o := range v.ops {
		maps.Copy(all, o.on)
	}
	return len(all)
}
