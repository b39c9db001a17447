package main

import (
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// write makes the files of a folder.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var site = map[string]string{
	"start.html":        strings.Repeat("<p>start</p>", 100),
	"assets/a-1.js":     strings.Repeat("go();", 100),
	"assets/f/f.woff2":  "\x00\x17\x93\x42",
	"assets/empty.css":  "",
	"assets/already.gz": strings.Repeat("a name that ends so", 50),
}

// packed returns a folder with the built site and one with the packed.
func packed(t *testing.T) (string, string) {
	t.Helper()
	built, out := t.TempDir(), filepath.Join(t.TempDir(), "dist")
	write(t, built, site)
	if err := pack(built, out); err != nil {
		t.Fatal(err)
	}
	return built, out
}

func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, err := readAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPack(t *testing.T) {
	_, out := packed(t)
	files := read(t, out)
	want := []string{"assets/a-1.js.gz", "assets/already.gz.gz", "assets/empty.css", "assets/f/f.woff2", "start.html.gz"}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for name, data := range files {
		name, gzipped := strings.CutSuffix(name, ".gz")
		if gzipped {
			var err error
			if data, err = gunzip(data); err != nil {
				t.Fatal(err)
			}
		}
		if string(data) != site[name] {
			t.Errorf("%s is packed as %q", name, data)
		}
	}
}

func TestPackAgain(t *testing.T) {
	built, out := packed(t)
	first := read(t, out)
	write(t, out, map[string]string{"assets/old.js": "of an earlier build"})
	at := time.Unix(1, 0) // when a file was built must not matter
	if err := os.Chtimes(filepath.Join(built, "start.html"), at, at); err != nil {
		t.Fatal(err)
	}
	if err := pack(built, out); err != nil {
		t.Fatal(err)
	}
	if again := read(t, out); !maps.EqualFunc(first, again, bytes.Equal) {
		t.Errorf("got %d files, want the same %d with the same bytes", len(again), len(first))
	}
}

func TestPackNothing(t *testing.T) {
	_, out := packed(t)
	if err := pack(t.TempDir(), out); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := pack(filepath.Join(out, "nowhere"), out); err == nil {
		t.Error("a folder that is not there was packed")
	}
	if got := len(read(t, out)); got != len(site) {
		t.Errorf("%d files are left, want %d", got, len(site))
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *testing.T, built, out string)
		want   string // in the error; "" if there is to be none
	}{
		{"nothing", func(*testing.T, string, string) {}, ""},
		{"the level of compression", func(t *testing.T, _, out string) {
			var data bytes.Buffer
			w, _ := gzip.NewWriterLevel(&data, gzip.BestSpeed)
			w.Name = "another"
			_, _ = w.Write([]byte(site["start.html"]))
			_ = w.Close()
			write(t, out, map[string]string{"start.html.gz": data.String()})
		}, ""},
		{"a file that is stored as it is", func(t *testing.T, _, out string) {
			remove(t, out, "start.html.gz")
			write(t, out, map[string]string{"start.html": site["start.html"]})
		}, ""},
		{"a source", func(t *testing.T, built, _ string) {
			write(t, built, map[string]string{"start.html": "<p>changed</p>"})
		}, "start.html was built from other sources"},
		{"a packed file", func(t *testing.T, _, out string) {
			write(t, out, map[string]string{"assets/f/f.woff2": "\x00"})
		}, "assets/f/f.woff2 was built from other sources"},
		{"a new file", func(t *testing.T, built, _ string) {
			write(t, built, map[string]string{"assets/b-1.js": "go()"})
		}, "assets/b-1.js is not packed"},
		{"a file that is gone", func(t *testing.T, _, out string) { remove(t, out, "assets/a-1.js.gz") }, "assets/a-1.js is not packed"},
		{"a stale file", func(t *testing.T, built, _ string) { remove(t, built, "assets/a-1.js") }, "assets/a-1.js is not built any more"},
		{"a damaged file", func(t *testing.T, _, out string) {
			write(t, out, map[string]string{"start.html.gz": "no gzip"})
		}, "unpack start.html.gz"},
	} {
		t.Run(test.name, func(t *testing.T) {
			built, out := packed(t)
			test.change(t, built, out)
			before := read(t, out)
			err := compare(built, out)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if !maps.EqualFunc(before, read(t, out), bytes.Equal) {
				t.Error("checking has changed the packed site")
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
