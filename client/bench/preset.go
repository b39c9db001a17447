package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// presets are the loads that the project is held to. Where a row does not say
// who sends, a few do; the -all variants let every participant send, so that
// each of them gets frames of its own, without its ops.
var presets = map[string]Config{
	"A":     {Rooms: 50, Participants: 20, Rate: 1000},
	"B":     {Rooms: 1, Participants: 1000, Senders: 20, Rate: 20},
	"C":     {Rooms: 1, Participants: 200, Senders: 20, Rate: 500},
	"C-all": {Rooms: 1, Participants: 200, Rate: 500},
	"D":     {Rooms: 500, Participants: 2, Rate: 5000},
	"F":     {Rooms: 1, Participants: 200, Senders: 20, Rate: 2000},
	"F-all": {Rooms: 1, Participants: 200, Rate: 2000},
	"H":     {Rooms: 1, Participants: 100, Senders: 1, Rate: 10, Cursors: 100, CursorHz: 20},
	"H2":    {Rooms: 1, Participants: 300, Senders: 1, Rate: 10, Cursors: 300, CursorHz: 20},
	"H3":    {Rooms: 1, Participants: 1000, Senders: 1, Rate: 10, Cursors: 1000, CursorHz: 20},
	// Rooms of 20, as in A: what a room costs is part of what a connection costs.
	"E": {Rooms: 400, Idle: 8000, Duration: 15 * time.Second},
	"I": {Rooms: 1, LateJoin: 11000},
	"S": {Rooms: 1, Participants: 50, Senders: 10, Rate: 500, Slow: 10},
}

// Preset returns a named load, to be completed with a URL: A to F, H to H3, I
// and E are the rows of the project's table of goals, S is a room with slow
// readers. An unknown name is an error that lists the known ones.
func Preset(name string) (Config, error) {
	c, ok := presets[name]
	if !ok {
		return Config{}, fmt.Errorf("there is no load %q; known are %s", name,
			strings.Join(slices.Sorted(maps.Keys(presets)), ", "))
	}
	return c, nil
}
