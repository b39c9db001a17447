//go:build !linux

package doc

import "time"

// limitProcess does nothing: where it is not Linux, the parent's clock is the
// only limit.
func limitProcess(int64, time.Duration) error { return nil }
