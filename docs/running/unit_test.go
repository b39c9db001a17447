package running_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/oplog"
)

// TestUnitIsSound has systemd read the unit, and say how much of the machine is
// open to the service: 0 is nothing, 10 everything.
func TestUnitIsSound(t *testing.T) {
	unit := writeFile(t, filepath.Join(t.TempDir(), "baton.service"),
		edit(t, "baton.service", map[string]string{"ExecStart=/usr/local/bin/baton ": "ExecStart=" + batonBinary(t) + " "}))
	if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	const threshold = "15" // 1.5
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold="+threshold, unit).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	t.Log(strings.TrimSpace(regexp.MustCompile(`Overall exposure.*`).FindString(string(out))))
}

// TestUnitStopsLaterThanTheDrain: a relay that drains must not be killed.
func TestUnitStopsLaterThanTheDrain(t *testing.T) {
	stop, err := time.ParseDuration(unitSetting(t, "TimeoutStopSec")[0] + "s")
	if err != nil {
		t.Fatal(err)
	}
	if drain := drainTime(t); stop < drain+10*time.Second {
		t.Errorf("the unit is killed after %v; a drain may take %v, and closing the log is to be done then", stop, drain)
	}
}

// drainTime is how long a relay may take to drain with the default settings,
// as --help says.
func drainTime(t *testing.T) (all time.Duration) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), batonBinary(t), "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, m := range regexp.MustCompile(`--drain-(?:timeout|delay)=(\w+)`).FindAllStringSubmatch(text, -1) {
		d, err := time.ParseDuration(m[1])
		if err != nil {
			t.Fatal(err)
		}
		all += d
	}
	if all == 0 {
		t.Fatalf("--help names no --drain-timeout:\n%s", out)
	}
	return all
}

// TestRelayStaysInItsBox follows every system call of a relay that starts,
// serves, backs up and drains, and holds each to what the unit allows: a filter
// that is never seen here would first be met by whoever installs it.
func TestRelayStaysInItsBox(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	addr := "127.0.0.1:" + freePort(t)
	cmd := exec.Command("strace", "-f", "-qq", "-e", "signal=none", "-o", trace)
	cmd.Args = append(cmd.Args, strings.Fields(strings.NewReplacer( // as the unit starts it
		"/usr/local/bin/baton", batonBinary(t),
		"/etc/baton/baton.toml", settings(t, addr, t.TempDir(), tokenFile(t, 1)),
	).Replace(unitSetting(t, "ExecStart")[0]))...)
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+systemd.LocalAddr().String())
	relay := run(t, cmd)
	wantNotice(t, systemd, "READY=1")
	conn, err := client.Dial(t.Context(), "ws://"+addr, client.Options{Token: secretToken(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d := enter(t, conn, "boxed")
	payload := `"` + strings.Repeat("x", 100<<10) + `"`
	for range 50 { // the file of the log grows, and so does what is mapped
		appendOp(t, d, payload)
	}
	if err := d.PutSnapshot(t.Context(), 50, oplog.SnapshotInfo{Format: "json"}, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/v1/docs/boxed/ops", "/v1/admin/backup"} {
		if status, body := fetch(t, http.DefaultClient, "http://"+addr+path+"?access_token="+secretToken(0)); status != http.StatusOK {
			t.Errorf("GET %s: %d %.200s", path, status, body)
		}
	}
	if err := syscall.Kill(-relay.cmd.Process.Pid, syscall.SIGTERM); err != nil { // strace keeps it to itself
		t.Fatal(err)
	}
	wantNotice(t, systemd, "STOPPING=1")
	<-relay.done
	if !strings.Contains(relay.said.String(), "stopped") {
		t.Errorf("the relay did not drain:\n%s", relay.said)
	}

	allowed := allowedCalls(t)
	families := strings.Fields(unitSetting(t, "RestrictAddressFamilies")[0])
	seen := map[string]int{}
	call := regexp.MustCompile(`(?m)^\d+ +(\w+)\((.*)$`)
	for _, m := range call.FindAllStringSubmatch(readFile(t, trace), -1) {
		name, args := m[1], m[2]
		if seen[name]++; seen[name] == 1 && !allowed[name] && name != "execve" { // strace's own
			t.Errorf("the unit's SystemCallFilter forbids %s(%s", name, args)
		}
		family, _, _ := strings.Cut(args, ",")
		if name == "socket" && !slices.Contains(families, family) {
			t.Errorf("the unit's RestrictAddressFamilies forbids %s", m[0])
		}
		if (name == "mmap" || name == "mprotect") && strings.Contains(args, "PROT_WRITE|PROT_EXEC") {
			t.Errorf("the unit's MemoryDenyWriteExecute forbids %s", m[0])
		}
		if name == "mprotect" && strings.Contains(args, "PROT_EXEC") {
			t.Errorf("the unit's MemoryDenyWriteExecute forbids %s", m[0])
		}
	}
	for _, name := range []string{"mmap", "fdatasync", "accept4", "socket"} {
		if seen[name] == 0 {
			t.Errorf("%s was never called: is this the trace of a relay?", name)
		}
	}
	t.Logf("%d kinds of system calls, all of them allowed", len(seen))
}

// wantNotice waits for what the relay tells systemd.
func wantNotice(t *testing.T, systemd *net.UnixConn, want string) {
	t.Helper()
	if err := systemd.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	notice := make([]byte, 4<<10)
	n, err := systemd.Read(notice)
	if err != nil || !strings.Contains(string(notice[:n]), want) {
		t.Fatalf("systemd is told %q, %v; want %s", notice[:n], err, want)
	}
}

// allowedCalls returns what the unit's SystemCallFilter lets through.
func allowedCalls(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "syscall-filter", "--no-pager").Output()
	if err != nil {
		t.Fatal(err)
	}
	groups, group := map[string][]string{}, ""
	for line := range strings.Lines(string(out)) {
		word := strings.TrimSpace(line)
		switch {
		case word == "" || strings.HasPrefix(word, "#"):
		case !strings.HasPrefix(line, " "):
			group = word
		default:
			groups[group] = append(groups[group], word)
		}
	}
	allowed := map[string]bool{}
	var set func(name string, to bool)
	set = func(name string, to bool) {
		for _, member := range groups[name] {
			set(member, to)
		}
		allowed[name] = to
	}
	for _, filter := range unitSetting(t, "SystemCallFilter") {
		list, deny := strings.CutPrefix(filter, "~")
		for name := range strings.FieldsSeq(list) {
			if strings.HasPrefix(name, "@") && len(groups[name]) == 0 {
				t.Fatalf("systemd knows no %s", name)
			}
			set(name, !deny)
		}
	}
	return allowed
}

// unitSetting returns the values of a setting of the unit, of which there is at
// least one.
func unitSetting(t *testing.T, name string) (values []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^`+name+`=(.*)$`).FindAllStringSubmatch(readFile(t, "baton.service"), -1) {
		values = append(values, m[1])
	}
	if len(values) == 0 {
		t.Fatalf("the unit sets no %s", name)
	}
	return values
}

// TestUnitTakesLowPorts puts what the manual says behind the unit, as an editor
// of the service would.
func TestUnitTakesLowPorts(t *testing.T) {
	dropIn := blocks(t, "../running.md", "ini")[0]
	unit := writeFile(t, filepath.Join(t.TempDir(), "baton.service"),
		edit(t, "baton.service", map[string]string{"ExecStart=/usr/local/bin/baton ": "ExecStart=" + batonBinary(t) + " "})+"\n"+dropIn)
	if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
