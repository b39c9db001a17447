package graph_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-relay/baton/doc/graph"
)

var update = flag.Bool("update", false, "write what is drawn to testdata")

// TestScenarios draws each testdata/NAME.txt and compares with the files beside it.
func TestScenarios(t *testing.T) {
	scenarios, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scenarios) == 0 {
		t.Fatalf("%d scenarios, %v", len(scenarios), err)
	}
	for _, file := range scenarios {
		name := strings.TrimSuffix(file, ".txt")
		t.Run(filepath.Base(name), func(t *testing.T) {
			g := readScenario(t, file)
			o := graph.Options{Title: filepath.Base(name)}
			var text, newest, ascii, svg, dot bytes.Buffer
			draw(t, g.WriteText(&text, o))
			newestFirst := o
			newestFirst.NewestFirst = true
			draw(t, g.WriteText(&newest, newestFirst))
			plain := o
			plain.ASCII, plain.Width = true, 72
			draw(t, g.WriteText(&ascii, plain))
			draw(t, g.WriteSVG(&svg, o))
			draw(t, g.WriteDOT(&dot, o))
			golden(t, name+".drawn", text.String()+"\n\n"+newest.String()+"\n\n"+ascii.String())
			golden(t, name+".svg", svg.String())
			golden(t, name+".dot", dot.String())
		})
	}
}

func draw(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
	}
}
