//go:build !linux

package relay

import (
	"log/slog"
	"sync"
	"time"
)

// parking is where idle sessions wait; here they wait in a goroutine each.
type parking struct{}

func newParking(*sync.WaitGroup, *slog.Logger) *parking { return nil }

func (*parking) park(*session) bool { return false }

func (*parking) leave(uint32) {}

func (*parking) tidy(time.Time) {}

func (*parking) close() {}
