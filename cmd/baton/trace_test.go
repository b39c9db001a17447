package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// traced returns what goes before a command to have its system calls written to
// a file, with further flags.
func traced(t *testing.T, file string, flags ...string) []string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is not installed: `make test` installs it, or `apt-get install strace` does")
	}
	return append([]string{path, "-f", "--seccomp-bpf", "-yy", "-s", "65536", "-o", file}, flags...)
}

// call is a system call in a trace. Each is seen twice: when it begins, and
// when it has returned. What a call hands to the kernel is known when it begins;
// what it gets, when it has returned.
type call struct {
	name   string
	file   string // what its first argument is, as strace -yy names it
	text   string // its arguments, strings quoted
	result int    // once it has returned; -1 is a failure
}

// socket returns the connection that the call is about, seen from the relay.
func (c *call) socket() (name string, ok bool) { return c.file, strings.HasPrefix(c.file, "TCP:") }

// log reports whether the call is about the log's file.
func (c *call) log() bool { return strings.HasSuffix(c.file, "/oplog.db") }

// data returns the strings among the arguments, one behind the other.
func (c *call) data() string {
	var b strings.Builder
	for _, m := range quoted.FindAllStringSubmatch(c.text, -1) {
		b.WriteString(unquote(m[1]))
	}
	return b.String()
}

var (
	quoted  = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	started = regexp.MustCompile(`^(\w+)\((\d+)<(.*?)>(?:,|\)|$| <unf)`)
	resumed = regexp.MustCompile(`^<\.\.\. (\w+) resumed>`)
	ended   = regexp.MustCompile(`\) += (-?\d+|\?)[^"]*$`)
)

// unquote turns strace's form of a string back into its bytes.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		if from := strings.IndexByte("ntrvf", s[i]); from >= 0 {
			b = append(b, "\n\t\r\v\f"[from])
			continue
		}
		n := i
		for n < len(s) && n < i+3 && '0' <= s[n] && s[n] <= '7' {
			n++
		}
		if octal, err := strconv.ParseUint(s[i:n], 8, 8); err == nil {
			b = append(b, byte(octal))
			i = n - 1
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// readTraceFile tells begin and end of the calls in a trace, in their order.
// strace writes a line while the thread stands still before the call and after
// it, so the order of the lines is that of what happened.
func readTraceFile(path string, begin, end func(*call)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	open := map[string]*call{} // by thread
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		thread, rest, _ := strings.Cut(lines.Text(), " ")
		rest = strings.TrimLeft(rest, " ")
		if err := readCall(open, thread, rest, begin, end); err != nil {
			return err
		}
	}
	return lines.Err()
}

func readCall(open map[string]*call, thread, line string, begin, end func(*call)) error {
	c := open[thread]
	if m := started.FindStringSubmatch(line); m != nil {
		c = &call{name: m[1], file: m[3]}
		c.text = line
		open[thread] = c
		begin(c)
	} else if m := resumed.FindStringSubmatch(line); m != nil {
		if c == nil || c.name != m[1] {
			return fmt.Errorf("thread %s resumes %s, which it did not begin", thread, m[1])
		}
		c.text += line
	} else {
		return nil // a signal, the end of a thread, a call that failed on no file
	}
	if strings.HasSuffix(line, "<unfinished ...>") {
		return nil
	}
	m := ended.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("this line of the trace makes no sense: %.300s", line)
	}
	c.result = -1
	if n, err := strconv.Atoi(m[1]); err == nil {
		c.result = n
	}
	delete(open, thread)
	end(c)
	return nil
}
