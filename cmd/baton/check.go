package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

type checkCmd struct {
	File string `arg:"" optional:"" help:"A log or a backup that no relay is running on; if not given, oplog.db in --data."`
	Data string `default:"./data" placeholder:"DIR" help:"Folder of the log. (${default})"`
}

// Run reads the whole log and prints what is wrong with it, and where.
func (c *checkCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path := cmp.Or(c.File, filepath.Join(c.Data, "oplog.db"))
	found := 0
	err := bolt.CheckFile(ctx, path, func(e *oplog.CorruptionError) {
		found++
		fmt.Println(e)
	})
	switch {
	case err != nil:
		return err
	case found > 0:
		return fmt.Errorf("%s is damaged (places: %d); restore a backup, or keep a copy before you go on", path, found)
	}
	fmt.Println(path + " is whole.")
	return nil
}
