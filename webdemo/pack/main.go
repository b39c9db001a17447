// Command pack puts the built site where package webdemo embeds it from: it
// gzips each file that shrinks by it. With --check it writes nothing, and fails
// if the packed site holds other files than the built one; how they are
// compressed is not compared, since that may change with Go's version.
//
//	go run ./webdemo/pack [--check] BUILT PACKED
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "compare only")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: pack [--check] BUILT PACKED\n\nGzips the files of a built site into the folder PACKED, and removes what else is there.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	run := pack
	if *check {
		run = compare
	}
	if err := run(flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack writes PACKED anew.
func pack(built, packed string) error {
	files, err := readAll(built)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s is empty", built)
	}
	if err := os.RemoveAll(packed); err != nil {
		return fmt.Errorf("empty folder: %w", err)
	}
	raw, stored := 0, 0
	for name, data := range files {
		raw += len(data)
		if small := compress(data); len(small) < len(data)*9/10 {
			name, data = name+".gz", small
		}
		stored += len(data)
		path := filepath.Join(packed, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("write file: %w", err)
		}
	}
	fmt.Printf("%d files, %d bytes, %d packed\n", len(files), raw, stored)
	return nil
}

// compress returns the bytes gzipped, the same on each run: without name and time.
func compress(data []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // fails for bad levels only
	_, _ = w.Write(data)                                    // into memory
	_ = w.Close()
	return out.Bytes()
}

// compare says which files differ.
func compare(built, packed string) error {
	want, err := readAll(built)
	if err != nil {
		return err
	}
	got, err := readAll(packed)
	if err != nil {
		return err
	}
	unpacked := map[string][]byte{}
	for name, data := range got {
		if plain, ok := strings.CutSuffix(name, ".gz"); ok {
			if data, err = gunzip(data); err != nil {
				return fmt.Errorf("unpack %s: %w", name, err)
			}
			name = plain
		}
		unpacked[name] = data
	}
	var differ []string
	for name := range maps.Keys(unpacked) {
		if _, ok := want[name]; !ok {
			differ = append(differ, name+" is not built any more")
		}
	}
	for name, data := range want {
		if packed, ok := unpacked[name]; !ok {
			differ = append(differ, name+" is not packed")
		} else if !bytes.Equal(data, packed) {
			differ = append(differ, name+" was built from other sources")
		}
	}
	if len(differ) == 0 {
		return nil
	}
	slices.Sort(differ)
	return errors.New(packed + " is not what its sources make; run `make site` and commit it:\n  " + strings.Join(differ, "\n  "))
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// readAll returns the files of a folder by their path in it.
func readAll(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read folder: %w", err)
	}
	return files, nil
}
