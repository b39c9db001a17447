package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// referenceCmd prints docs/snapshot-reference.md, or the man page. Both are what
// --help says, all at once.
type referenceCmd struct {
	Man bool `help:"A man page, for man or groff."`
}

// Run prints the reference.
func (c *referenceCmd) Run(t *tool, command *kong.Context) error {
	var p page = markdown{}
	if c.Man {
		p = roff{}
	}
	var b strings.Builder
	writeReference(&b, p, command.Model)
	_, err := io.WriteString(t.out, b.String())
	return err
}

// page is a language for references.
type page interface {
	title(w io.Writer)
	section(w io.Writer, heading string)
	command(w io.Writer, name, usage string)
	prose(w io.Writer, text string)
	example(w io.Writer, lines string)
	list(w io.Writer)
	// entry is a flag, an argument or an exit code, in a list.
	entry(w io.Writer, term, text string)
}

func writeReference(w io.Writer, p page, app *kong.Application) {
	p.title(w)
	section := func(heading, text string) {
		p.section(w, heading)
		detail(w, p, text)
	}
	section("Description", app.Help)
	p.section(w, "Commands")
	for _, node := range app.Leaves(true) {
		p.command(w, node.Name, app.Name+" "+node.Summary())
		p.prose(w, node.Help)
		p.list(w)
		for _, arg := range node.Positional {
			p.entry(w, arg.Summary(), arg.Help)
		}
		for _, flag := range node.Flags {
			flagEntry(w, p, flag)
		}
		detail(w, p, node.Detail)
	}
	p.section(w, "Flags of all commands")
	p.list(w)
	for _, flag := range app.Flags {
		flagEntry(w, p, flag)
	}
	p.section(w, "Exit codes")
	p.list(w)
	for _, e := range exits {
		p.entry(w, fmt.Sprint(e.code), e.meaning)
	}
}

func flagEntry(w io.Writer, p page, flag *kong.Flag) {
	text := flag.Help
	if len(flag.Envs) > 0 {
		text = strings.TrimSuffix(text, ".") + " ($" + strings.Join(flag.Envs, ", $") + ")."
	}
	p.entry(w, flag.String(), text)
}

// detail writes text of paragraphs and, indented by two spaces, examples.
func detail(w io.Writer, p page, text string) {
	for block := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n\n") {
		var prose, lines []string
		for line := range strings.SplitSeq(block, "\n") {
			if indented, is := strings.CutPrefix(line, "  "); is {
				lines = append(lines, indented)
			} else {
				prose = append(prose, line)
			}
		}
		if len(prose) > 0 {
			p.prose(w, strings.Join(prose, "\n"))
		}
		if len(lines) > 0 {
			p.example(w, strings.Join(lines, "\n"))
		}
	}
}

// markdown is for docs/snapshot-reference.md.
type markdown struct{}

func (markdown) title(w io.Writer) {
	fmt.Fprint(w, "# baton-snapshot, flag by flag\n\nThis page is what `baton-snapshot --help` says, made by `baton-snapshot reference`. The manual is [snapshot.md](snapshot.md).\n")
}

func (markdown) section(w io.Writer, heading string) { fmt.Fprintf(w, "\n## %s\n", heading) }

func (markdown) command(w io.Writer, name, usage string) {
	fmt.Fprintf(w, "\n### %s\n\n```text\n%s\n```\n", name, usage)
}

func (markdown) prose(w io.Writer, text string) {
	if text != "" {
		fmt.Fprintf(w, "\n%s\n", markdownText.Replace(text))
	}
}

func (markdown) example(w io.Writer, lines string) { fmt.Fprintf(w, "\n```text\n%s\n```\n", lines) }

func (markdown) entry(w io.Writer, term, text string) {
	fmt.Fprintf(w, "- `%s` %s\n", term, markdownText.Replace(text))
}

func (markdown) list(w io.Writer) { fmt.Fprintln(w) }

var markdownText = strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`)

// roff is for man pages, see man(7).
type roff struct{}

func (roff) title(w io.Writer) {
	fmt.Fprint(w, ".TH BATON-SNAPSHOT 1\n.SH NAME\nbaton-snapshot \\- look into the documents of a Baton log\n")
}

func (roff) section(w io.Writer, heading string) {
	fmt.Fprintf(w, ".SH %s\n", strings.ToUpper(heading))
}

func (roff) command(w io.Writer, name, usage string) {
	fmt.Fprintf(w, ".SS %s\n.B %s\n", roffText(name), roffText(usage))
}

func (roff) prose(w io.Writer, text string) {
	if text != "" {
		fmt.Fprintf(w, ".PP\n%s\n", roffText(text))
	}
}

func (roff) example(w io.Writer, lines string) {
	fmt.Fprintf(w, ".PP\n.RS 4\n.nf\n%s\n.fi\n.RE\n", roffText(lines))
}

func (roff) entry(w io.Writer, term, text string) {
	fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roffText(term), roffText(text))
}

func (roff) list(io.Writer) {}

// roffText keeps text from being read as requests.
func roffText(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return strings.ReplaceAll(text, "\n.", "\n\\&.")
}
