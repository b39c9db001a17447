// Package durabletest finds names in the file system that a power cut may take,
// in what strace recorded of a process. Tests use it.
package durabletest

import (
	"bufio"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Strace returns what goes before a command to have strace record, in a file, the
// calls that [Unsynced] reads.
func Strace(file string) []string {
	return []string{
		"strace", "-f", "-qq", "-y", "-s", "4096", "-o", file,
		"-e", "trace=open,openat,mkdir,mkdirat,link,linkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync", "--",
	}
}

var (
	begun  = regexp.MustCompile(`^(\d+) +(\w+\(.*) <unfinished \.\.\.>$`)
	ended  = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)
	whole  = regexp.MustCompile(`^\d+ +(\w+)\((.*)\) += (\d+)`)
	quoted = regexp.MustCompile(`"([^"]*)"`)
	synced = regexp.MustCompile(`^\d+<(.*)>`)
)

// Unsynced returns the names below a folder that a recorded process made and that
// are there still, but whose own folder it did not sync since. Before the process
// began, there must have been nothing in the folder.
func Unsynced(file, below string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	below, err = filepath.EvalSymlinks(below)
	if err != nil {
		return nil, err
	}
	return unsynced(f, below)
}

func unsynced(r io.Reader, below string) ([]string, error) {
	names := map[string]bool{} // whether the folder of each was synced
	add := func(name string) {
		if strings.HasPrefix(name, below+"/") {
			names[name] = false
		}
	}
	pending := map[string]string{} // calls that have begun, by thread
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := begun.FindStringSubmatch(line); m != nil {
			pending[m[1]] = m[1] + " " + m[2]
			continue
		}
		if m := ended.FindStringSubmatch(line); m != nil {
			line = pending[m[1]] + m[2]
		}
		call := whole.FindStringSubmatch(line)
		if call == nil {
			continue // it failed, or is none
		}
		var paths []string
		for _, m := range quoted.FindAllStringSubmatch(call[2], -1) {
			paths = append(paths, filepath.Clean(m[1]))
		}
		switch name := call[1]; {
		case name == "fsync":
			if m := synced.FindStringSubmatch(call[2]); m != nil {
				for known := range names {
					names[known] = names[known] || filepath.Dir(known) == m[1]
				}
			}
		case strings.HasPrefix(name, "open"):
			if _, known := names[paths[0]]; !known && strings.Contains(call[2], "O_CREAT") {
				add(paths[0])
			}
		case strings.HasPrefix(name, "mkdir"):
			add(paths[0])
		case strings.HasPrefix(name, "link"):
			add(paths[1])
		case strings.HasPrefix(name, "rename"):
			delete(names, paths[0])
			add(paths[1])
		default: // unlink, rmdir
			delete(names, paths[0])
		}
	}
	maps.DeleteFunc(names, func(_ string, synced bool) bool { return synced })
	return slices.Sorted(maps.Keys(names)), lines.Err()
}
