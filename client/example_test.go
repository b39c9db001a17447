package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/baton-relay/baton/client"
)

// Two programs on one document: each writes, each hears the other.
func Example() {
	ctx := context.Background()
	conn, err := client.Dial(ctx, "wss://relay.example.com", client.Options{Token: "s3cr3t"})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	doc, err := conn.Join(ctx, "notes", client.JoinOptions{})
	if err != nil {
		log.Fatal(err)
	}

	// An op is any JSON value. It goes out now, or when there is a connection
	// again; Saved says when it can no longer be lost.
	if _, err := doc.Append(ctx, json.RawMessage(`{"insert":"Hello","at":0}`)); err != nil {
		log.Fatal(err)
	}
	if err := doc.Saved(ctx); err != nil {
		log.Fatal(err)
	}

	for u, err := range doc.Updates(ctx) {
		if err != nil {
			log.Fatal(err) // the relay ended it for good
		}
		if u.Snapshot != nil { // a state in place of old ops
			state, err := doc.Snapshot(ctx, u.Snapshot)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("load", len(state), "bytes")
		}
		for _, op := range u.Ops { // after all that they follow from, each once
			fmt.Println(op.Actor, "did", string(op.Payload))
		}
		for session, who := range u.Presence {
			if who == nil {
				fmt.Println(session, "left")
			}
		}
	}
}
