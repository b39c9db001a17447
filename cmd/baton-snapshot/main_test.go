package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-relay/baton/doc"
)

func TestMain(m *testing.M) {
	doc.Child() // documents are opened by the program that runs, which is this one
	testscript.Main(m, map[string]func(){"baton-snapshot": main})
}
