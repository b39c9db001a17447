package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/baton-relay/baton/relay/conformance"
)

type conformCmd struct {
	URL   string        `default:"ws://127.0.0.1:8080/v1/ws" help:"The relay to hold to the protocol. One that asks for tokens has to run with --throttle off meanwhile. (${default})"`
	Token []string      `placeholder:"NAME=TOKEN" help:"A token of the relay and what the kit may use it for; may be given again. Names: ${tokens}. Without any, rules about rights are not shown."`
	Wait  time.Duration `default:"5s" help:"How long to wait for what must come. (${default})"`
	Rule  []string      `placeholder:"RULE" help:"Only these rules, such as R12; may be given again."`
}

// Run plays the dialogues and prints pass or fail a rule.
func (c *conformCmd) Run() error {
	tokens, err := conformance.ParseTokens(c.Token)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed, err := conformance.Main(ctx, conformance.Config{URL: c.URL, Tokens: tokens, Wait: c.Wait, Rules: c.Rule}, os.Stdout)
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d rules of the protocol are not kept; see above", failed)
	}
	return err
}
