package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"time"

	"github.com/baton-relay/baton/client/bench"
)

type benchCmd struct {
	URL       string   `default:"ws://127.0.0.1:8080/v1/ws" help:"The relay to load. (${default})"`
	Token     []string `placeholder:"TOKEN" help:"Bearer token, where the relay asks for one; may be given again: connections take them in turn."`
	ServerPID int      `placeholder:"PID" help:"The relay's process on this machine, to measure its CPU time and memory."`
	Preset    string   `placeholder:"NAME" help:"A named load: A to F, H to H3, I, E, S. The flags below change single figures of it."`

	Rooms        *int           `placeholder:"N" help:"Documents."`
	Participants *int           `placeholder:"N" help:"Connections in each room."`
	Senders      *int           `placeholder:"N" help:"How many of a room's participants send ops; all if not given."`
	Rate         *float64       `placeholder:"N" help:"Ops per second over all rooms; below 0 for none."`
	Payload      *int           `placeholder:"BYTES" help:"Length of an op's payload."`
	Cursors      *int           `placeholder:"N" help:"How many of a room's participants move a cursor."`
	CursorHz     *float64       `placeholder:"N" help:"How often a cursor moves, times a second."`
	Slow         *int           `placeholder:"N" help:"How many of a room's participants read slowly."`
	SlowBytes    *int           `placeholder:"BYTES" help:"What a slow reader reads in a second."`
	Idle         *int           `placeholder:"N" help:"Open that many connections, and do nothing."`
	LateJoin     *int           `placeholder:"OPS" help:"Fill a room with that many ops and time joining it."`
	Joins        *int           `placeholder:"N" help:"How often to join it."`
	Warmup       *time.Duration `placeholder:"TIME" help:"Load that is not counted."`
	Duration     *time.Duration `placeholder:"TIME" help:"Load that is counted."`
	Drain        *time.Duration `placeholder:"TIME" help:"How long to wait after the load for what is still under way."`

	JSON bool `help:"Print the report as JSON."`
}

// Run puts the load on the relay and prints the report.
func (c *benchCmd) Run() error {
	var cfg bench.Config
	if c.Preset != "" {
		var err error
		if cfg, err = bench.Preset(c.Preset); err != nil {
			return err
		}
	}
	cfg.URL, cfg.Tokens, cfg.ServerPID = c.URL, c.Token, c.ServerPID
	override(&cfg.Rooms, c.Rooms)
	override(&cfg.Participants, c.Participants)
	override(&cfg.Senders, c.Senders)
	override(&cfg.Rate, c.Rate)
	override(&cfg.Payload, c.Payload)
	override(&cfg.Cursors, c.Cursors)
	override(&cfg.CursorHz, c.CursorHz)
	override(&cfg.Slow, c.Slow)
	override(&cfg.SlowBytes, c.SlowBytes)
	override(&cfg.Idle, c.Idle)
	override(&cfg.LateJoin, c.LateJoin)
	override(&cfg.Joins, c.Joins)
	override(&cfg.Drain, c.Drain)
	override(&cfg.Warmup, c.Warmup)
	override(&cfg.Duration, c.Duration)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := bench.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else {
		err = report.WriteText(os.Stdout)
	}
	if err == nil && !report.OK() {
		err = errors.New("the relay lost or refused something; see above")
	}
	return err
}

// override sets a figure of the load where its flag was given.
func override[T any](p, flag *T) {
	if flag != nil {
		*p = *flag
	}
}
