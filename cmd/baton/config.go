package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

type configCmd struct {
	Settings

	Format  string `default:"table" enum:"table,toml" env:"-" help:"table, or toml for a file that sets the same. (${default})"`
	Example bool   `env:"-" help:"Print a file with every setting, what it is for and its default instead."`
	Check   bool   `env:"-" help:"Print nothing but what is wrong, if anything."`
}

// Run prints what is in force. If serve would not take it, that is the error.
func (c *configCmd) Run(ctx *kong.Context) error {
	all := c.inForce(ctx)
	switch {
	case c.Check:
	case c.Example:
		return writeExample(os.Stdout, all)
	case c.Format == "toml":
		if err := writeTOML(os.Stdout, all); err != nil {
			return err
		}
	default:
		if err := writeTable(os.Stdout, all); err != nil {
			return err
		}
	}
	return c.checkFrom(ctx)
}

// writeTable prints settings in columns, grouped as in --help.
func writeTable(w io.Writer, all []setting) error {
	var b strings.Builder
	tabs := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	group := ""
	for _, s := range all {
		if s.group() != group {
			group = s.group()
			// A line without tabs would end the columns: they are the same in all groups.
			fmt.Fprintf(tabs, "\t\t\n%s\t\t\n", group)
		}
		fmt.Fprintf(tabs, "%s\t%s\t%s\n", s.flag.Name, s.shown(), s.source)
	}
	if err := tabs.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// writeTOML prints a file that sets what is set.
func writeTOML(w io.Writer, all []setting) error {
	var b strings.Builder
	for _, s := range all {
		switch {
		case s.source == fromDefault:
		case s.flag.Name == "config":
		case s.isSecret():
			fmt.Fprintf(&b, "# %s is secret and not printed; it comes from %s\n", s.flag.Name, s.source)
		default:
			fmt.Fprintf(&b, "%s = %s\n", s.flag.Name, tomlOf(s.value()))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeExample prints every setting with what it is for and its default, or,
// where it has none, something that may stand there. All of it is commented out.
func writeExample(w io.Writer, all []setting) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Settings of baton %s, with their defaults. Take off the # before a setting to\n"+
		"# change it. A flag counts before the environment, and that before this file.\n", version)
	group := ""
	for _, s := range all {
		if s.flag.Name == "config" {
			continue
		}
		if s.group() != group {
			group = s.group()
			fmt.Fprintf(&b, "\n\n# ---- %s\n", strings.TrimSuffix(group, ":"))
		}
		b.WriteString("\n" + wrapComment(s.help()))
		fmt.Fprintf(&b, "# In the environment: %s\n#%s = %s\n", s.flag.Envs[0], s.flag.Name, s.example())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrapComment breaks a text into lines of comment.
func wrapComment(text string) string {
	var b strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 90 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
