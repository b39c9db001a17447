//go:build !linux

package doc

import (
	"os/exec"
	"time"
)

// limitProcess does nothing: where it is not Linux, the parent's clock is the
// only limit.
func limitProcess(int64, time.Duration) error { return nil }

// limitData does nothing either.
func limitData(int, int64, time.Duration) error { return nil }

// boundToParent does nothing: the command ends with its input.
func boundToParent(*exec.Cmd) {}
