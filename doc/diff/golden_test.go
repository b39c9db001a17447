package diff_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/baton-relay/baton/doc/diff"
)

var update = flag.Bool("update", false, "write what is told to testdata")

// TestScenarios compares testdata/NAME.a.json with NAME.b.json, and what is told
// with NAME.txt.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.a.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".a.json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			a, err1 := os.ReadFile(file)
			b, err2 := os.ReadFile(name + ".b.json")
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			if err := diff.WriteText(&got, a, b, diff.Options{Width: 80}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(got.String()) {
				if width := displaywidth.String(strings.TrimSuffix(line, "\n")); width > 80 {
					t.Errorf("line takes %d columns: %s", width, line)
				}
			}
			if *update {
				if err := os.WriteFile(name+".txt", []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// TestWriterFails checks that an error of the writer is told.
func TestWriterFails(t *testing.T) {
	full := errors.New("disk full")
	if err := diff.WriteText(failing{full}, []byte("1"), []byte("2"), diff.Options{}); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
