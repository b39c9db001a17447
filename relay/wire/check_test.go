package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// TestCheckRefusesWhatDecodingRefuses asks both ways about the same ops.
func TestCheckRefusesWhatDecodingRefuses(t *testing.T) {
	limits := &Limits{OpBytes: 100, OpsPerFrame: 1, ClockEntries: 2}
	for size := range 40 {
		for actors := range 4 {
			e := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 1}, Payload: []byte(`"` + strings.Repeat("x", 2*size) + `"`), Ext: []byte(`{"k":1}`)}}
			for i := range actors {
				e.Clock.Raise(clock.Actor(fmt.Sprintf("actor-%d", i)), 1)
			}
			text, err := AppendImport([]byte("["), &e)
			if err != nil {
				t.Fatal(err)
			}
			ops, _, err := DecodeImport(append(text, ']'), limits, true)
			if err != nil {
				t.Fatal(err)
			}
			got, want := limits.Check(&e), ops[0].Fault
			if (got == nil) != (want == nil) || got != nil && got.Code != want.Code {
				t.Errorf("%s: got %v, decoding says %v", text, got, want)
			}
		}
	}
}
