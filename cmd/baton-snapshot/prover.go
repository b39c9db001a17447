package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/baton-relay/baton/doc"
)

// prover says which program proves that clients of today can open a document. The
// Automerge of this program is one of 2023.
type prover struct {
	Prover string `placeholder:"PROGRAM" env:"BATON_PROVER" help:"Program that proves that clients of today can open a snapshot: baton-prove of the npm package @baton-relay/client, or its file prove.js. \"none\" for none. (the baton-prove in PATH, if there is one)"`
}

const defaultProver = "baton-prove"

// install gives the engine its prover, if there is one.
func (p *prover) install(e *doc.Engine) error {
	name := p.Prover
	switch name {
	case "none":
		return nil
	case "":
		name = defaultProver
	}
	path, err := exec.LookPath(name)
	if p.Prover == "" && errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	e.Prover = []string{path}
	if ext := filepath.Ext(name); ext == ".js" || ext == ".mjs" {
		// As npm builds it: a file that only node can start.
		path, err = exec.LookPath("node")
		e.Prover = []string{path, name}
	}
	if err != nil {
		return fmt.Errorf("find the prover %s: %w", name, err)
	}
	return nil
}

// noProver tells what it means that there is no prover, and how to get one.
func (t *tool) noProver(what string) {
	if t.engine.Prover == nil {
		t.remark("There is no %s here, so %s. To have it: npm i -g @baton-relay/client @automerge/automerge", defaultProver, what)
	}
}
