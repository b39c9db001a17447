package running_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/oplog"
)

// What tests say with package client, in which nothing may take for ever.

func enter(t *testing.T, conn *client.Conn, name string) *client.Doc {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d, err := conn.Join(ctx, oplog.DocID(name), client.JoinOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// appendOp writes an op and waits until it is on the relay's disk.
func appendOp(t *testing.T, d *client.Doc, payload string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := d.Append(ctx, json.RawMessage(payload)); err != nil {
		t.Fatal(err)
	}
	if err := d.Saved(ctx); err != nil {
		t.Fatal(err)
	}
}

// receive takes updates until one is what is waited for.
func receive(t *testing.T, d *client.Doc, what string, is func(client.Update) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for u, err := range d.Updates(ctx) {
		if err != nil {
			t.Fatalf("wait for %s: %v", what, err)
		}
		if is(u) {
			return
		}
	}
	t.Fatalf("the document ended before %s came", what)
}

func wantOp(t *testing.T, d *client.Doc, payload string) {
	t.Helper()
	receive(t, d, "the op "+payload, func(u client.Update) bool {
		for _, op := range u.Ops {
			if string(op.Payload) == payload {
				return true
			}
		}
		return false
	})
}
