// Command baton runs the relay, and what one uses to try and to test it.
//
//	baton                 serve on http://localhost:8080, log in ./data
//	baton token …         mint a token, or a link with one
//	baton config          what is set, and where
//	baton doctor          is this machine fit for it? if not, what to do
//	baton check           is the log whole? if not, where
//	baton bench …         put load on a relay and print what came of it
//	baton conform …       hold a relay to the protocol, rule by rule
//
// Each flag of serve can also be set in the environment, --data as BATON_DATA, and
// in the file that --config names, as data = "…".
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/baton-relay/baton/relay/conformance"
)

// version is set by the linker in releases.
var version = "0.1.0-dev"

type commands struct {
	Serve   serveCmd         `cmd:"" default:"withargs" help:"Run the relay (the default)."`
	Token   tokenCmd         `cmd:"" help:"Mint a token, or a link that opens the whiteboard with one."`
	Config  configCmd        `cmd:"" help:"Print what serve would run with, and where each setting comes from."`
	Doctor  doctorCmd        `cmd:"" help:"Check the machine, the files and the log that serve would use, and say what to do."`
	Check   checkCmd         `cmd:"" help:"Read the whole log and say what is damaged, and where."`
	Bench   benchCmd         `cmd:"" help:"Put load on a running relay and print deliveries, latencies and costs."`
	Conform conformCmd       `cmd:"" help:"Hold a running relay to the protocol: pass or fail for each rule."`
	Version kong.VersionFlag `env:"-" help:"Print the version and exit."`
}

func main() {
	var cli commands
	parser, err := newParser(&cli)
	if err != nil {
		panic(err) // a tag of a flag makes no sense
	}
	ctx, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	if err := ctx.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "baton: %v\n", err)
		os.Exit(1)
	}
}

// newParser returns what reads the command line into cli.
func newParser(cli any, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(cli, append([]kong.Option{
		kong.Name("baton"),
		kong.Description("A relay for collaborative editing: it carries vector-clocked ops between a document's participants, keeps them in a log, and never opens them."),
		kong.Vars{"version": "baton " + version, "tokens": tokenNames()},
		kong.Vars(limitDefaults()),
		kong.ShortUsageOnError(),
		kong.DefaultEnvars("BATON"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	}, options...)...)
}

func tokenNames() string {
	var names []string
	for _, t := range conformance.TokenNames {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}
