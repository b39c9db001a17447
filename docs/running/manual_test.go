package running_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/baton-relay/baton/relay"
)

const manual = "../running.md"

// What the manual says that commands print is what they print, one after the
// other, beside a relay with the settings of baton.toml; <word> stands for
// anything.
func TestCommandsOfTheManual(t *testing.T) {
	addr, dir := "127.0.0.1:"+freePort(t), t.TempDir()
	file := settings(t, addr, filepath.Join(dir, "data"), tokenFile(t, 1))
	relay := run(t, exec.Command(batonBinary(t), "serve", "--config", file))
	relay.awaitReady(t, addr)
	metrics := regexp.MustCompile(`metrics-listen = "(.*)"`).FindStringSubmatch(readFile(t, file))[1]
	place := strings.NewReplacer("localhost:8080", addr, "localhost:9091", metrics, "--config baton.toml", "--config "+file)

	commands := 0
	for _, block := range blocks(t, manual, "console") {
		for part := range strings.SplitSeq("\n"+block, "\n$ ") {
			command, want, _ := strings.Cut(part, "\n")
			if command == "" {
				continue
			}
			commands++
			cmd := exec.CommandContext(t.Context(), "sh", "-c", place.Replace(command))
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "TOKEN="+secretToken(0), "PATH="+filepath.Dir(batonBinary(t))+":"+os.Getenv("PATH"))
			out, _ := cmd.CombinedOutput() // some show what is refused
			want, got := strings.TrimSpace(want), strings.TrimSpace(string(out))
			pattern := regexp.MustCompile(`<[a-z]+>`).ReplaceAllString(regexp.QuoteMeta(want), `.+`)
			if !regexp.MustCompile(`\A` + pattern + `\z`).MatchString(got) {
				t.Errorf("%s prints\n%s\nthe manual says\n%s", command, got, want)
			}
		}
	}
	if commands < 7 {
		t.Errorf("the manual shows %d commands; are there none any more?", commands)
	}
}

// TestSettingsExist has the command read every line by which the manual and the
// files beside it start a relay.
func TestSettingsExist(t *testing.T) {
	lines := regexp.MustCompile(`(?m)^(?:[#\s]*|.* )baton serve (--.*)$`)
	for file, want := range map[string]int{manual: 2, "nginx.conf": 1, "Caddyfile": 1, "haproxy.cfg": 1, "Dockerfile": 1} {
		found := 0
		for _, m := range lines.FindAllStringSubmatch(readFile(t, file), -1) {
			flags := strings.Fields(m[1])
			if flags[0] == "--help" {
				continue
			}
			found++
			cmd := exec.CommandContext(t.Context(), batonBinary(t), append([]string{"config", "--check"}, flags...)...)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s, baton serve %s: %v\n%s", file, m[1], err, out)
			}
		}
		if found != want {
			t.Errorf("%s starts a relay %d times, want %d", file, found, want)
		}
	}
}

// TestManualNamesFlagsThatExist looks for every flag that the manual names in
// what the commands say of themselves.
func TestManualNamesFlagsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, name := range []string{"serve", "config", "doctor", "check"} {
		out, err := exec.CommandContext(t.Context(), batonBinary(t), name, "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(string(out), -1) {
			known[flag] = true
		}
	}
	for _, others := range []string{"--rm", "--stop-timeout", "--url"} { // of docker and baton-snapshot
		known[others] = true
	}
	known["--log"] = true // of baton-snapshot
	for _, flag := range regexp.MustCompile(`--[a-z][a-z-]*`).FindAllString(readFile(t, manual), -1) {
		if !known[flag] {
			t.Errorf("the manual names %s, which no command has", flag)
		}
	}
}

// TestManualLinksLead: what the manual links to is there.
func TestManualLinksLead(t *testing.T) {
	text := readFile(t, manual)
	for _, m := range regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Errorf("the manual links to %s: %v", m[1], err)
		}
		if m[1] == "" && !hasHeading(text, m[2]) {
			t.Errorf("the manual has no heading %s", m[2])
		}
	}
}

// hasHeading reports whether a heading has this anchor.
func hasHeading(text, anchor string) bool {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		title, ok := strings.CutPrefix(lines.Text(), "## ")
		if ok && "#"+strings.ReplaceAll(strings.ToLower(title), " ", "-") == anchor {
			return true
		}
	}
	return false
}

// blocks returns the code blocks of a language.
func blocks(t *testing.T, file, language string) (all []string) {
	t.Helper()
	for _, part := range strings.Split(readFile(t, file), "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		all = append(all, block)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no %s block", file, language)
	}
	return all
}

// The table of limits says what a relay has that sets none.
func TestManualKnowsTheLimits(t *testing.T) {
	text, err := os.ReadFile("../running.md")
	if err != nil {
		t.Fatal(err)
	}
	d := relay.Defaults()
	for flag, want := range map[string]int{
		"max-frame": d.FrameBytes, "max-incoming-bytes": relay.DefaultIncomingBytes, "max-docs": d.Docs, "max-participants": d.Participants, "max-document-bytes": d.DocBytes,
		"max-actors": d.Actors, "max-document-actors": d.DocActors, "frames-per-second": d.FramesPerS, "bytes-per-second": d.BytesPerS,
		"ops-per-second": d.OpsPerS, "presence-per-second": d.PresencePerS, "events-per-second": d.EventsPerS,
		"joins-per-second": d.JoinsPerS, "refusals-per-second": d.RefusalsPerS, "burst": d.BurstS, "subject-factor": d.SubjectFactor,
		"subject-connections": d.SubjectConnections, "address-connections": d.AddressConnections, "handshakes-per-second": d.HandshakesPerS,
	} {
		_, row, there := strings.Cut(string(text), "| `--"+flag+"` | ")
		said, _, _ := strings.Cut(row, " |")
		number, unit, _ := strings.Cut(strings.ReplaceAll(said, ",", ""), " ")
		got, err := strconv.Atoi(number)
		got *= map[string]int{"": 1, "s": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
		if !there || err != nil || got != want {
			t.Errorf("--%s: the table says %q, want %d", flag, said, want)
		}
	}
}
