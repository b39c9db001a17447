package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/baton-relay/baton/oplog"
)

// opsFrame is a frame of n ops with payloads of 120 bytes.
func opsFrame(n int) []byte {
	var ops []string
	for i := range n {
		ops = append(ops, fmt.Sprintf(`{"actor":"alice-1","seq":%d,"clock":{"bob-2":%d},"payload":"%s"}`, i+1, i+1, strings.Repeat("x", 118)))
	}
	return []byte(`{"type":"ops","doc":"notes-1","ops":[` + strings.Join(ops, ",") + `]}`)
}

var benchLimits = &Limits{FrameBytes: 1 << 20, OpBytes: 768 << 10, OpsPerFrame: 512, ClockEntries: 4096, PresenceBytes: 16 << 10}

func BenchmarkDecode(b *testing.B) {
	for name, frame := range map[string][]byte{
		"ping":     []byte(`{"type":"ping","id":7}`),
		"presence": []byte(`{"type":"presence","doc":"notes-1","state":{"cursor":[120,340],"selection":null,"color":"#aabbcc"}}`),
		"1op":      opsFrame(1),
		"100ops":   opsFrame(100),
		"64kB":     []byte(`{"type":"ops","doc":"notes-1","ops":[{"actor":"a","seq":1,"payload":"` + strings.Repeat("x", 64<<10) + `"}]}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				if _, err := Decode(frame, benchLimits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendEntry(b *testing.B) {
	f, err := Decode(opsFrame(1), benchLimits)
	if err != nil {
		b.Fatal(err)
	}
	e := f.Ops[0].Entry("alice")
	e.Offset, e.At = 123456, 1767225600000
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendEntry(buf[:0], &e)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkAppendState(b *testing.B) {
	buf := AppendPresence(nil, oplog.DocID("notes-1"))
	head := len(buf)
	user, state := []byte(`{"id":"alice","name":"Alice"}`), []byte(`{"cursor":[120,340]}`)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendState(buf[:head], "b4a3c1de-4b0e-4f5e-9d3c-0d6a3f1c2b11", user, state)
	}
}
