package main

import (
	"errors"

	"github.com/baton-relay/baton/oplog"
)

type restoredDoc struct {
	Doc oplog.DocID `json:"doc"`
}

func (c *restoreCmd) intoRelay(t *tool) error { return errors.New("not yet") }
