package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-relay/baton/doc"
)

func TestMain(m *testing.M) {
	doc.Child()                              // documents are opened by the program that runs, which is this one
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector lets each program sleep a second at its end
	testscript.Main(m, map[string]func(){"baton-snapshot": main})
}
