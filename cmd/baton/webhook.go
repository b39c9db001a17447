package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/baton-relay/baton/relay/webhook"
)

// webhookFlags say which backends are told what happens to documents.
type webhookFlags struct {
	Webhook         []string      `placeholder:"URL" sep:" " help:"Address to which notices are posted: documents created, changed, in use, at rest, deleted, and snapshots stored; may be given again. It is https, or on this machine. See docs/webhooks.md."`
	WebhookSecret   string        `placeholder:"FILE" help:"Secrets that sign the notices, one a line; read again when the file changes. Make one with: echo whsec_$$(openssl rand -base64 32)"`
	WebhookEveryOps uint64        `default:"100" placeholder:"N" help:"Tell that a document changed after N ops, or ... (${default})"`
	WebhookEvery    time.Duration `default:"10s" placeholder:"TIME" help:"... this long after the first op not told of, whichever comes first. (${default})"`
	WebhookInsecure bool          `help:"Allow http to other machines: whoever is on the way reads the names of documents and people."`
}

func (f *webhookFlags) validate() error {
	for i, url := range f.Webhook {
		if err := webhook.CheckURL(url, f.WebhookInsecure); err != nil {
			return fmt.Errorf("--webhook, address %d: %w", i+1, err)
		}
		if slices.Contains(f.Webhook[:i], url) {
			return fmt.Errorf("--webhook, address %d: it is given twice", i+1)
		}
	}
	switch {
	case len(f.Webhook) > 0 && f.WebhookSecret == "":
		return errors.New("--webhook needs --webhook-secret FILE, so that a backend can tell this relay's notices from others; make one with: echo whsec_$(openssl rand -base64 32)")
	case f.WebhookEveryOps < 1:
		return errors.New("--webhook-every-ops must be at least 1")
	case f.WebhookEvery < 100*time.Millisecond:
		return errors.New("--webhook-every must be at least 100ms")
	}
	return nil
}

// open opens the queue of notices beside the log, nil where nobody is told.
func (f *webhookFlags) open(dir string, logger *slog.Logger) (*webhook.Queue, error) {
	if len(f.Webhook) == 0 {
		return nil, nil
	}
	secrets, err := webhook.OpenSecrets(f.WebhookSecret, logger)
	if err != nil {
		return nil, err
	}
	return webhook.Open(filepath.Join(dir, "webhooks.db"), webhook.Options{
		URLs: f.Webhook, Secrets: secrets, EveryOps: f.WebhookEveryOps, Every: f.WebhookEvery,
		Version: version, Logger: logger,
	})
}

// closeWebhooks has what waits written, if the disk takes that within some seconds.
func closeWebhooks(q *webhook.Queue) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return q.Close(ctx)
}
