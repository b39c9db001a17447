package relay

import (
	"testing"

	"github.com/baton-relay/baton/relay/wire"
)

// TestOpMayHaveThreeQuartersOfAFrame sets frames alone, as --max-frame does.
func TestOpMayHaveThreeQuartersOfAFrame(t *testing.T) {
	for _, tt := range []struct{ frame, op, want int }{
		{0, 0, 768 << 10},
		{8 << 10, 0, 6 << 10},
		{64 << 20, 0, 48 << 20},
		{64 << 20, 1000, 1000},
		{8 << 10, 7 << 10, 6 << 10},
	} {
		cfg := Config{Limits: wire.Limits{FrameBytes: tt.frame, OpBytes: tt.op}}
		cfg.fill()
		if got := cfg.Limits.OpBytes; got != tt.want {
			t.Errorf("frames of %d, ops of %d: got ops of %d, want %d", tt.frame, tt.op, got, tt.want)
		}
	}
}
