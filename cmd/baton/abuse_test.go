package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/client/bench"
)

// TestAnAbuserAmongMany has one subject do its worst, from a process of its own
// and by all means at once, to the document in which others work: those miss
// nothing, are refused nothing, and wait not much longer than before.
//
// BATON_TEST_ABUSE_TIME is how long each phase takes, and BATON_TEST_ABUSE_KINDS,
// by commas, which means.
func TestAnAbuserAmongMany(t *testing.T) {
	people, phase := 50, 3*time.Second
	if long, err := time.ParseDuration(os.Getenv("BATON_TEST_ABUSE_TIME")); err == nil {
		people, phase = 200, long
	}
	kinds := strings.Join(slices.Sorted(maps.Keys(abuses)), ",")
	if some := os.Getenv("BATON_TEST_ABUSE_KINDS"); some != "" {
		kinds = some
	}
	tokens, file := passes(t, people)
	p := start(t, t.TempDir(), nil, "--tokens", file, "--log-level", "error", "--subject-connections", "20")
	run := func(when string) bench.Report {
		rep, err := bench.Run(t.Context(), bench.Config{
			URL: "ws://" + p.addr, ServerPID: p.cmd.Process.Pid, Tokens: tokens, Name: when, Participants: people, Rate: float64(people) / 2,
			Cursors: people / 10, CursorHz: 10, Warmup: phase / 3, Duration: phase,
		})
		if err != nil {
			t.Fatalf("%s: %v\n%s", when, err, p.stderr)
		}
		t.Logf("%-7s p50 %v, p99 %v, max %v; %d of %d deliveries, %d refused; the relay took %.0f %% of a core, %d MB", when,
			rep.Delivery.P50, rep.Delivery.P99, rep.Delivery.Max, rep.Deliveries.Received, rep.Deliveries.Expected, len(rep.Refused),
			rep.Server.CPUPercent, rep.Server.RSSAfter>>20)
		if !rep.OK() {
			t.Errorf("%s: somebody honest lost or was refused something: %+v %v", when, rep.Deliveries, rep.Refused)
		}
		return rep
	}
	before := run("before")
	// On a machine of her own she would not take the others' processors.
	mallory := exec.Command("nice", "-n", "19", os.Args[0])
	mallory.Env = append(os.Environ(), "GOMAXPROCS=1", abuseVariable+"="+strings.Join([]string{p.addr, "during-0", "mallory", kinds}, " "))
	in, err := mallory.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &lockedBuffer{}
	mallory.Stdout, mallory.Stderr = out, os.Stderr
	if err := mallory.Start(); err != nil {
		t.Fatal(err)
	}
	during := run("during")
	in.Close()
	if err := mallory.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("the abuser did %s things", strings.TrimSpace(out.String()))
	after := run("after")
	if worst := max(2*time.Second, 20*before.Delivery.P99); during.Delivery.P99 > worst || after.Delivery.P99 > worst {
		t.Errorf("got a p99 of %v before, %v while one abused, %v after; want at most %v", before.Delivery.P99, during.Delivery.P99, after.Delivery.P99, worst)
	}
}

// passes makes a token for each of so many people, and one for mallory.
func passes(t *testing.T, people int) (tokens []string, file string) {
	t.Helper()
	type entry struct {
		Token   string              `json:"token"`
		Subject string              `json:"subject"`
		Docs    map[string][]string `json:"docs"`
	}
	docs := map[string][]string{"*": {"read", "write", "presence"}}
	list := []entry{{"mallory", "mallory", docs}}
	for i := range people {
		token := fmt.Sprint("person-", i)
		tokens = append(tokens, token)
		list = append(list, entry{token, token, docs})
	}
	text, err := json.Marshal(map[string]any{"tokens": list})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return tokens, file
}
