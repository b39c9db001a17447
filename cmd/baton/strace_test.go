package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestNobodyHearsOfAnOpBeforeItIsSynced looks at the relay from below, at its
// system calls: between the moment an op's bytes came in and the moment the
// first byte about it went out to anyone, its page was written, synced, and
// made part of the log by a meta page that was synced too. That the test can
// fail is shown by two relays with a fault.
func TestNobodyHearsOfAnOpBeforeItIsSynced(t *testing.T) {
	t.Run("as built", func(t *testing.T) {
		v := watchSyncs(t, binary(t), 1000)
		for _, o := range slices.Sorted(maps.Keys(v.early)) {
			t.Errorf("%s was heard of on %s when it was only %s", o, v.early[o].where, v.early[o].stage)
		}
	})
	for _, fault := range []struct{ name, file, old, new string }{
		{
			"without syncs", "oplog/bolt/file.go",
			"NoFreelistSync:  true,",
			"NoFreelistSync:  true, NoSync: true,",
		},
		{
			"told before the commit", "relay/commit.go",
			"epoch, err := r.srv.log.Append(context.Background(), add)\n",
			`if add.Epoch != "" {
				early := make([]tailEntry, len(batch))
				for i := range add.Entries {
					add.Entries[i].Offset = r.state.Head + oplog.Offset(i) + 1
					_, early[i] = encode(nil, &add.Entries[i])
				}
				r.mu.Lock()
				r.publish(add.Epoch, add.Entries, early)
				r.mu.Unlock()
				for told := false; !told; { // or a busy machine may commit first
					time.Sleep(time.Millisecond)
					r.mu.Lock()
					told = r.passed() == r.state.Head
					r.mu.Unlock()
				}
			}
			epoch, err := r.srv.log.Append(context.Background(), add)
			if err == nil && add.Epoch != "" {
				continue
			}
`,
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			const ops = 200
			v := watchSyncs(t, altered(t, fault.file, fault.old, fault.new), ops)
			if len(v.early) < ops*8/10 {
				t.Errorf("with this fault %d of %d ops were found to be told too early, want nearly all", len(v.early), ops)
			}
		})
	}
}

// watchSyncs has two writers append n ops under strace while two others listen,
// one by WebSocket and one by server-sent events, and returns what the trace says.
func watchSyncs(t *testing.T, bin string, n int) *verdict {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "trace")
	calls := "trace=read,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"
	relay, err := tryStart(t, bin, filepath.Join(dir, "data"), traced(t, file, "-e", calls))
	if err != nil {
		t.Fatal(err)
	}
	first := enter(t, relay, "watched", nil) // a document to be in
	if err := first.send("watched", operation{Actor: "first", Seq: 1, Payload: json.RawMessage("1")}); err != nil {
		t.Fatal(err)
	}
	first.await(t, "ack")

	var all sync.WaitGroup
	listener := enter(t, relay, "watched", nil)
	listener.await(t, "live")
	events := listen(t, relay, "watched")
	all.Go(func() { countOps(t, listener, n) })
	all.Go(func() { countEvents(t, events, n) })
	for _, actor := range []string{"w0", "w1"} {
		p := enter(t, relay, "watched", nil)
		all.Go(func() { write(t, p, actor, n/2) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	if code := relay.stop(t); code != 0 {
		t.Fatalf("exit code: got %d, want 0\n%s", code, relay.stderr)
	}
	v := &verdict{ops: map[string]*watched{}, early: map[string]tooEarly{}, told: map[string]int{}, tails: map[string]string{}}
	if err := readTraceFile(file, v.begin, v.end); err != nil {
		t.Fatal(err)
	}
	v.complete(t, n)
	t.Logf("%d ops, told to %d connections, %d syncs of the log, %d ops too early", len(v.ops), v.connections(), v.syncs, len(v.early))
	return v
}

// write appends n ops: a quarter one by one, the rest in bursts.
func write(t *testing.T, p *peer, actor string, n int) {
	const burst = 20
	for seq := 1; seq <= n; {
		size := 1
		if seq > n/4 {
			size = min(burst, n-seq+1)
		}
		ops := make([]operation, size)
		for i := range ops {
			// Sizes vary, so that frames end anywhere in the relay's buffers.
			payload := fmt.Sprintf(`{"mark":"%s","fill":%q}`, marker(actor, seq+i), strings.Repeat("x", (seq+i)*37%900))
			ops[i] = operation{Actor: actor, Seq: uint64(seq + i), Payload: json.RawMessage(payload)}
		}
		if err := p.sendBare("watched", ops...); err != nil {
			t.Error(err)
			return
		}
		seq += size
		for acked := 0; acked < seq-1; {
			m, err := p.hear()
			if err != nil || m.Type == "reject" {
				t.Errorf("writer %s: got %+v, %v; want acks", actor, m, err)
				return
			}
			if m.Type == "ack" {
				acked = int(m.Seq)
			}
		}
	}
}

func marker(actor string, seq int) string { return fmt.Sprintf("mark-%s-%06d", actor, seq) }

func countOps(t *testing.T, p *peer, n int) {
	for heard := 0; heard < n; {
		m, err := p.hear()
		if err != nil {
			t.Errorf("the listener heard %d ops, then: %v", heard, err)
			return
		}
		if m.Type == "ops" {
			heard += len(m.Ops)
		}
	}
}

// listen opens a stream of server-sent events and waits until it is open.
func listen(t *testing.T, relay *process, doc string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+relay.addr+"/v1/docs/"+doc+"/ops", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func countEvents(t *testing.T, resp *http.Response, left int) {
	buf, tail := make([]byte, 64<<10), ""
	for left > 0 {
		n, err := resp.Body.Read(buf)
		if err != nil {
			t.Errorf("the listener by events lacks %d ops: %v", left, err)
			return
		}
		text := tail + string(buf[:n])
		marks := marks.FindAllStringIndex(text, -1)
		left -= len(marks)
		tail = rest(text, marks)
	}
}
