package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// completeCmd answers the shells, whose scripts are in completion/.
type completeCmd struct {
	Line string `arg:"" help:"The command line as it was typed, up to the cursor."`
}

// Run prints what the last word of the line may become, one a line, each with a
// tab and what it means. What cannot be found out is left out: nobody who is
// typing wants an error.
func (c *completeCmd) Run(t *tool, command *kong.Context) error {
	words := splitLine(c.Line)
	if len(words) < 2 {
		return nil
	}
	l := readLine(command.Model.Node, words[1:])
	for _, found := range l.candidates(t.ctx) {
		fmt.Fprintf(t.out, "%s\t%s\n", found.word, found.help)
	}
	return nil
}

// candidate is a word that may stand where the cursor is.
type candidate struct{ word, help string }

// line is a command line that is being typed.
type line struct {
	node  *kong.Node        // the command, as far as it is said
	given map[string]string // flags that were given, by name
	args  int               // positional arguments before the last word
	flag  *kong.Flag        // that the last word is the value of
	head  string            // --flag=, if the last word begins so
	last  string            // the rest of the last word
}

// readLine reads the words behind the name of the program.
func readLine(root *kong.Node, words []string) *line {
	l := &line{node: root, given: map[string]string{}}
	for i, word := range words {
		l.head, l.last = "", word
		if i < len(words)-1 {
			l.take(word)
		}
	}
	if name, value, ok := strings.Cut(l.last, "="); ok && l.flag == nil && strings.HasPrefix(name, "--") {
		l.head, l.last, l.flag = name+"=", value, l.find(name)
	}
	return l
}

// take reads a word that is complete.
func (l *line) take(word string) {
	name, value, has := strings.Cut(word, "=")
	switch {
	case l.flag != nil:
		l.given[l.flag.Name] = word
		l.flag = nil
	case strings.HasPrefix(word, "-"):
		flag := l.find(name)
		if flag == nil {
			return
		}
		l.given[flag.Name] = value
		if !has && !flag.IsBool() {
			l.flag = flag
		}
	case len(l.node.Children) > 0:
		for _, child := range l.node.Children {
			if child.Name == word {
				l.node = child
			}
		}
	default:
		l.args++
	}
}

// flags returns those that may stand in the line.
func (l *line) flags() []*kong.Flag { return slices.Concat(l.node.AllFlags(true)...) }

func (l *line) find(name string) *kong.Flag {
	for _, flag := range l.flags() {
		if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}

// candidates returns what the last word may become.
func (l *line) candidates(ctx context.Context) []candidate {
	var found []candidate
	add := func(word, help string) {
		if word = l.head + word; strings.HasPrefix(word, l.head+l.last) {
			found = append(found, candidate{word, help})
		}
	}
	switch {
	case l.flag != nil:
		l.values(ctx, l.flag.Value, add)
	case l.head != "":
	case strings.HasPrefix(l.last, "-"):
		for _, flag := range l.flags() {
			if _, given := l.given[flag.Name]; !given || flag.IsSlice() {
				add("--"+flag.Name, flag.Help)
			}
		}
	case len(l.node.Children) > 0:
		for _, child := range l.node.Children {
			if !child.Hidden {
				add(child.Name, child.Help)
			}
		}
	case l.args < len(l.node.Positional):
		l.values(ctx, l.node.Positional[l.args], add)
	}
	return found
}

// values adds the values of a flag or argument, as far as they can be listed.
func (l *line) values(ctx context.Context, v *kong.Value, add func(word, help string)) {
	if _, is := v.Target.Interface().(docArg); is {
		for _, id := range l.documents(ctx) {
			add(string(id), "")
		}
		return
	}
	for _, value := range v.EnumSlice() {
		if value != "" {
			add(value, "")
		}
	}
}

const (
	completeTime = time.Second // that looking for documents may take
	completeDocs = 200         // the most that are offered
)

// documents returns those whose names begin with the last word.
func (l *line) documents(ctx context.Context) []oplog.DocID {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	found := make(chan []oplog.DocID, 1)
	go func() { // opening a file knows no context; the process ends soon
		log, err := l.open()
		if err != nil {
			found <- nil
			return
		}
		defer log.Close()
		found <- beginningWith(ctx, log, oplog.DocID(l.last))
	}()
	select {
	case list := <-found:
		return list
	case <-ctx.Done():
		return nil
	}
}

// open opens what the line, or else the environment, says.
func (l *line) open() (store, error) {
	said := func(name string) string {
		value := l.given[name]
		if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(value, "~/") {
			value = home + value[1:]
		}
		return value
	}
	s := source{Log: said("log"), URL: said("url"), Token: cmp.Or(said("token"), os.Getenv("BATON_TOKEN"))}
	if s.Log == "" && s.URL == "" {
		s.Log, s.URL = os.Getenv("BATON_LOG"), os.Getenv("BATON_URL")
	}
	if s.URL != "" {
		return admin.Open(s.URL, admin.Options{Token: s.Token, Patience: completeTime})
	}
	return bolt.OpenReadOnly(s.path(), bolt.Options{})
}

// beginningWith returns documents by the beginning of their names.
func beginningWith(ctx context.Context, log store, prefix oplog.DocID) []oplog.DocID {
	var found []oplog.DocID
	if prefix != "" {
		if _, err := log.State(ctx, prefix); err == nil {
			found = append(found, prefix) // Docs begins behind it
		}
	}
	list, _ := log.Docs(ctx, prefix, completeDocs)
	for _, id := range list {
		if strings.HasPrefix(string(id), string(prefix)) {
			found = append(found, id)
		}
	}
	return found
}

// splitLine splits a command line as a shell does, with quotes and backslashes.
// The last word is the one at the cursor, which may be empty.
func splitLine(text string) []string {
	words := []string{""}
	quote, escaped := rune(0), false
	for _, c := range text {
		word := &words[len(words)-1]
		switch {
		case escaped:
			*word += string(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped = true
		case c == quote:
			quote = 0
		case quote != 0:
			*word += string(c)
		case c == '\'' || c == '"':
			quote = c
		case c == ' ' || c == '\t' || c == '\n':
			if *word != "" {
				words = append(words, "")
			}
		default:
			*word += string(c)
		}
	}
	return words
}
