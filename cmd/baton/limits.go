package main

import (
	"errors"

	"github.com/baton-relay/baton/relay"
)

// limitFlags say how much a client may send.
type limitFlags struct {
	MaxFrame int `default:"1048576" placeholder:"BYTES" help:"Largest frame a client may send; an op may have three quarters of it. (${default})"`
}

func (f *limitFlags) validate() error {
	if f.MaxFrame < 4<<10 || f.MaxFrame > 64<<20 {
		return errors.New("--max-frame must be from 4096 to 67108864 bytes")
	}
	return nil
}

func (f *limitFlags) apply(cfg *relay.Config) { cfg.Limits.FrameBytes = f.MaxFrame }
