package bench

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var noDeadline time.Time

func TestLoad(t *testing.T) {
	_, url := startFake(t)
	rep, err := Run(t.Context(), Config{
		URL: url, ServerPID: os.Getpid(),
		Rooms: 3, Participants: 5, Slow: 1, SlowBytes: 1 << 10, Rate: 500, Cursors: 2, CursorHz: 20,
		Warmup: 100 * time.Millisecond, Duration: 500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	text := &strings.Builder{}
	if err := rep.WriteText(text); err != nil {
		t.Fatal(err)
	}
	if !rep.OK() {
		t.Errorf("the run is not in order:\n%s", text)
	}
	if got, want := rep.Ops, uint64(250); got < want-2 || got > want+2 {
		t.Errorf("%d ops were sent, want 500/s for half a second", got)
	}
	if got, want := rep.Deliveries.Expected, rep.Ops*3; got != want {
		t.Errorf("%d deliveries are expected, want %d", got, want)
	}
	if got, want := rep.Slow.Received, rep.Ops; got != want {
		t.Errorf("slow readers got %d, want %d", got, want)
	}
	if l := rep.Delivery; l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.Max || l.Count != rep.Deliveries.Received {
		t.Errorf("delivery latency is out of order: %+v", l)
	}
	if rep.Cursor.Count == 0 || rep.Presence.StatesPerS < 20 {
		t.Errorf("no presence was counted: %+v", rep.Presence)
	}
	if rep.Server == nil && runtime.GOOS == "linux" {
		t.Error("the server's process was not read")
	}
	for _, want := range []string{"deliveries", "p99", "presence", "slow"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text says nothing of %q:\n%s", want, text)
		}
	}
	if b, err := json.Marshal(rep); err != nil || strings.Contains(string(b), "Token") {
		t.Errorf("marshal report: %v: %s", err, b)
	}
}

// A relay that loses an op and repeats another is found out.
func TestLoadFindsFaults(t *testing.T) {
	fake, url := startFake(t)
	var ops atomic.Int64
	fake.mangle = func(string) int {
		switch ops.Add(1) {
		case 61:
			return 0
		case 62:
			return 2
		}
		return 1
	}
	rep, err := Run(t.Context(), Config{
		URL: url, Participants: 2, Senders: 1, Rate: 200,
		Warmup: -1, Duration: 500 * time.Millisecond, Drain: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := rep.Deliveries
	got.PerSecond = 0
	want := Deliveries{Expected: rep.Ops, Received: rep.Ops - 1, Missing: 1, Repeated: 1, Skipped: 1}
	if got != want || rep.OK() {
		t.Errorf("deliveries are %+v (OK %t), want %+v", got, rep.OK(), want)
	}
}

func TestIdle(t *testing.T) {
	_, url := startFake(t)
	rep, err := Run(t.Context(), Config{URL: url, Rooms: 3, Idle: 10, Duration: 20 * time.Millisecond, ServerPID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Idle == nil || rep.Idle.Connections != 10 || rep.Idle.Lost != 0 || !rep.OK() {
		t.Errorf("idle report is %+v", rep.Idle)
	}
}

func TestLateJoin(t *testing.T) {
	_, url := startFake(t)
	rep, err := Run(t.Context(), Config{URL: url, LateJoin: 330, Joins: 3})
	if err != nil {
		t.Fatal(err)
	}
	l := rep.LateJoin
	if l == nil || l.Ops != 330 || l.Bytes < 330*120 || l.Min <= 0 || l.Min > l.Median || l.Median > l.Max {
		t.Errorf("late join report is %+v", l)
	}
}

func TestRunRefuses(t *testing.T) {
	_, url := startFake(t)
	for name, c := range map[string]Config{
		"no URL":        {},
		"scheme":        {URL: "ftp://relay"},
		"senders":       {URL: url, Participants: 2, Senders: 3},
		"payload":       {URL: url, Payload: 10},
		"two kinds":     {URL: url, Idle: 1, LateJoin: 1},
		"not a relay":   {URL: url + "/elsewhere"},
		"negative":      {URL: url, Rooms: -1},
		"nobody's port": {URL: "ws://127.0.0.1:1"},
	} {
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%s: Run returned no error", name)
		}
	}
}

func TestPresets(t *testing.T) {
	for name := range presets {
		c, err := Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		c.URL = "ws://relay"
		if _, err := c.withDefaults(); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
	if _, err := Preset("Z"); err == nil || !strings.Contains(err.Error(), "A, B, C") {
		t.Errorf("an unknown preset is %v", err)
	}
}
