package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"

	"github.com/alecthomas/kong"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// source says where the documents are.
type source struct {
	Log   string `placeholder:"FILE" env:"BATON_LOG" help:"A log that no relay holds, such as data/oplog.db." group:"Where the documents are:"`
	URL   string `placeholder:"URL" env:"BATON_URL" help:"A running relay, such as http://localhost:8080, or https://user:password@host where a proxy before it asks for a password." group:"Where the documents are:"`
	Token string `placeholder:"TOKEN" env:"BATON_TOKEN" help:"Bearer token for the relay, with the right admin for what concerns all documents." group:"Where the documents are:"`
}

// defaultLog is where a relay keeps its log if nothing is said.
const defaultLog = "data/oplog.db"

// store is what commands need of a log: one on this machine, or a relay's.
type store interface {
	doc.Store
	Docs(ctx context.Context, after oplog.DocID, limit int) ([]oplog.DocID, error)
	Append(ctx context.Context, a oplog.Append) (oplog.Epoch, error)
	Backup(ctx context.Context, w io.Writer) error
	Close() error
}

// choose leaves one of the two sources: what the command line says counts more
// than what the environment does.
func (s *source) choose(command *kong.Context) error {
	said := map[string]bool{}
	for _, p := range command.Path {
		if p.Flag != nil {
			said[p.Flag.Name] = true
		}
	}
	switch {
	case s.Log == "" || s.URL == "":
	case said["log"] && said["url"]:
		return errors.New("--log and --url can't be used together")
	case said["log"]:
		s.URL = ""
	case said["url"]:
		s.Log = ""
	default:
		return errors.New("BATON_LOG and BATON_URL are both set: say by --log or --url which one is meant")
	}
	return nil
}

// where names the source for a person.
func (s *source) where() string {
	if s.URL != "" {
		return withoutPassword(s.URL)
	}
	return s.path()
}

// withoutPassword returns the URL of a relay as it may be shown.
func withoutPassword(relay string) string {
	u, err := url.Parse(relay)
	if err != nil {
		return "the relay"
	}
	return u.Redacted()
}

// reading opens the source for what changes nothing in it.
func (s *source) reading() (store, error) {
	return s.open(bolt.OpenReadOnly)
}

// writing opens the source to change it. A log that is not there is made only
// for what brings documents.
func (s *source) writing(create bool) (store, error) {
	return s.open(func(path string, o bolt.Options) (*bolt.Log, error) {
		if _, err := os.Stat(path); err != nil && !create {
			return nil, fmt.Errorf("open log: %w", err)
		}
		return bolt.Open(path, o)
	})
}

func (s *source) open(file func(string, bolt.Options) (*bolt.Log, error)) (store, error) {
	if s.URL != "" {
		return admin.Open(s.URL, admin.Options{Token: s.Token})
	}
	log, err := file(s.path(), bolt.Options{})
	if err != nil {
		return nil, s.explain(err)
	}
	return log, nil
}

func (s *source) path() string {
	if s.Log == "" {
		return defaultLog
	}
	return s.Log
}

// explain says how to get at a log that cannot be opened.
func (s *source) explain(err error) error {
	switch {
	case errors.Is(err, oplog.ErrInUse):
		return fmt.Errorf("%s is held by another process, most likely a relay: ask that one (--url http://localhost:8080), or stop it", s.path())
	case errors.Is(err, fs.ErrNotExist) && s.Log == "":
		return fmt.Errorf("there is no %s here: say where the documents are, by --log FILE or --url URL", defaultLog)
	}
	return err
}

// documents returns one document, or all of them in the order of their names.
func documents(ctx context.Context, log store, one oplog.DocID) (all []oplog.DocID, err error) {
	if one != "" {
		return []oplog.DocID{one}, nil
	}
	for after := oplog.DocID(""); ; {
		page, err := log.Docs(ctx, after, docsPage)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < docsPage {
			return all, nil
		}
		after = page[len(page)-1]
	}
}

// docsPage is how many names are asked for at a time.
const docsPage = 1000

// docArg is a document that is named on the command line.
type docArg oplog.DocID

// Validate is called by the parser.
func (d docArg) Validate() error {
	_, err := oplog.ParseDocID(string(d))
	return err
}
