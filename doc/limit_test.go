//go:build cgo && linux && !race

package doc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// TestLimitsAreNotBlamedOnOps gives children too little to do anything with.
func TestLimitsAreNotBlamedOnOps(t *testing.T) {
	h := madeInJS(t, "kinds")
	state, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(6), Want: Want{Save: true}})
	if err != nil {
		t.Fatal(err)
	}
	for name, job := range map[string]Job{
		"ops":        {Ops: h.upTo(6)},
		"a snapshot": {Base: state.Save},
	} {
		_, err := Engine{Memory: 4 << 20}.Run(t.Context(), job)
		lacks, ok := errors.AsType[*LimitError](err)
		if !ok || !strings.Contains(lacks.Error(), "more memory than the 4 MiB it may have") {
			t.Errorf("%s in 4 MiB: got %v, want a LimitError", name, err)
		}
	}
}

// TestProcessorTimeEnds has an op take more of it than there is.
func TestProcessorTimeEnds(t *testing.T) {
	e := withPayload(op0, bomb(MaxOps-1))
	e.Actor, e.Seq = clock.Actor(strings.Repeat("0", 32)), 1
	h := (&history{}).with(e)
	_, err := Engine{CPU: time.Second}.Run(t.Context(), Job{Ops: h.upTo(1)})
	bad, ok := errors.AsType[*OpError](err)
	if !ok || bad.Offset != oplog.Offset(1) || !strings.Contains(bad.Error(), "more processor time than the 1s it may have") {
		t.Errorf("got %v, want op 1, and processor time", err)
	}
}
