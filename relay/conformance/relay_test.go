package conformance

import (
	"sync"
	"testing"
)

// The relay of this repository keeps to every rule, and each frame it sends
// validates.
func TestRelayConforms(t *testing.T) {
	cfg := serve(t, relayProgram(t)).Config
	frame := schema(t, "serverFrame")
	var mu sync.Mutex
	seen := map[string]int{}
	cfg.OnFrame = func(dir Direction, text []byte) {
		if dir != FromServer {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		seen[typeOf(text)]++
		if err := validate(frame, text); err != nil {
			t.Errorf("frame %s: %v", short(text), err)
		}
	}
	for _, v := range results(t, cfg) {
		if v.Status != Pass && v.Status != Elsewhere {
			t.Errorf("%s", v)
		}
	}
	s := server{Config: cfg}
	s.say(t, s.run(t), `GET /v1/docs?after=conf- as admin -> 200 {"docs":[]}`)
	mu.Lock()
	defer mu.Unlock()
	for _, name := range []string{"welcome", "joined", "ops", "live", "ack", "reject", "presence", "event", "pong", "left", "access", "auth", "error"} {
		if seen[name] == 0 {
			t.Errorf("no %s frame was seen", name)
		}
	}
}

// Without tokens the kit tests what it can, and skips the rest.
func TestRelayConformsWithoutTokens(t *testing.T) {
	cfg := serve(t, relayProgram(t), openToAll).Config
	cfg.Tokens = nil
	sum := map[Status]int{}
	for _, v := range results(t, cfg) {
		sum[v.Status]++
		if v.Status == Fail || v.Status == Blocked {
			t.Errorf("%s", v)
		}
	}
	if sum[Pass] < 60 || sum[Skip] == 0 {
		t.Errorf("got %v, want most rules to pass and some to be skipped", sum)
	}
}
