package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

type checkCmd struct {
	Data string `default:"./data" placeholder:"DIR" help:"Folder of the log, oplog.db. No relay may be running on it. (${default})"`
}

// Run reads the whole log and prints what is wrong with it, and where.
func (c *checkCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path := filepath.Join(c.Data, "oplog.db")
	found := 0
	err := bolt.CheckFile(ctx, path, func(e *oplog.CorruptionError) {
		found++
		fmt.Println(e)
	})
	switch {
	case err != nil:
		return err
	case found > 0:
		return fmt.Errorf("%d places of %s are damaged; restore a backup, or keep a copy before you go on", found, path)
	}
	fmt.Println(path + " is whole.")
	return nil
}
