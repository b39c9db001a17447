package baton_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDependenciesAreDocumented holds the tables of docs/dependencies.md to
// go.mod and to what the two binaries link.
func TestDependenciesAreDocumented(t *testing.T) {
	relay, tool := linked(t, "0", "./cmd/baton"), linked(t, "1", "./cmd/baton-snapshot")
	in := func(module string) string {
		var names []string
		if relay[module] != "" {
			names = append(names, "baton")
		}
		if tool[module] != "" {
			names = append(names, "baton-snapshot")
		}
		if names == nil {
			return "tests"
		}
		return strings.Join(names, ", ")
	}
	direct, indirect := map[string]string{}, map[string]string{}
	for line := range strings.Lines(read(t, "go.mod")) {
		if f := strings.Fields(line); len(f) == 2 && strings.HasPrefix(f[1], "v") && strings.HasPrefix(line, "\t") {
			direct[f[0]] = f[1] + " in " + in(f[0])
		}
	}
	for _, binary := range []map[string]string{relay, tool} {
		for module, version := range binary {
			if direct[module] == "" {
				indirect[module] = version + " in " + in(module)
			}
		}
	}
	if len(direct) < 10 || len(indirect) < 5 {
		t.Fatalf("got %d direct modules and %d others, want more: has go.mod's form changed?", len(direct), len(indirect))
	}
	rows := func(heading string, in int) map[string]string {
		got := map[string]string{}
		for _, row := range table(t, heading) {
			got[row[0]] = row[1] + " in " + row[in]
		}
		return got
	}
	same(t, rows("Go modules", 4), direct)
	same(t, rows("Pulled in", 3), indirect)
}

// TestRelayLinksLittle: what Automerge, Kubernetes and tests need is in no relay,
// and who imports the client gets two modules.
func TestRelayLinksLittle(t *testing.T) {
	for module := range linked(t, "0", "./cmd/baton") {
		for _, not := range []string{"automerge", "k8s.io", "pgregory.net", "go-internal", "jsonschema", "standard-webhooks"} {
			if strings.Contains(module, not) {
				t.Errorf("the relay links %s", module)
			}
		}
	}
	got := slices.Sorted(maps.Keys(linked(t, "0", "./client")))
	want := []string{"github.com/go-json-experiment/json", "github.com/gorilla/websocket"}
	if !slices.Equal(got, want) {
		t.Errorf("the client pulls in %v, want %v", got, want)
	}
}

// TestLicencesAreFree reads the licence of each module that anything here is
// compiled from, and holds the tables to it.
func TestLicencesAreFree(t *testing.T) {
	said := map[string][]string{}
	for _, heading := range []string{"Go modules", "Pulled in"} {
		for _, row := range table(t, heading) {
			said[row[0]] = strings.Split(strings.ReplaceAll(row[2], " or ", " and "), " and ")
		}
	}
	linked := linked(t, "0", "./cmd/baton")
	maps.Copy(linked, listed(t, "1", "{{.Version}}", "./cmd/baton-snapshot"))
	for module, dir := range listed(t, "1", "{{.Dir}}", "-test", "./...") {
		got := licences(t, dir)
		if want, ok := said[module]; ok && !slices.Equal(got, want) {
			t.Errorf("%s: got licences %v, the table says %v", module, got, want)
		}
		if _, ok := linked[module]; ok && slices.Contains(got, "MPL-2.0") {
			t.Errorf("%s: a binary links it, and its licence has copyleft", module)
		}
		if len(got) == 0 || slices.Contains(got, "GPL") {
			t.Errorf("%s: got licences %v in %s, want a free one", module, got, dir)
		}
	}
}

// TestPackagesAreDocumented holds the table of the pages' packages to what they
// are built from, and all that these pull in to free licences.
func TestPackagesAreDocumented(t *testing.T) {
	var lock struct {
		Packages map[string]struct {
			Version, License string
			Dependencies     map[string]string
			Dev              bool
		}
	}
	if err := json.Unmarshal([]byte(read(t, "webdemo/package-lock.json")), &lock); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range table(t, "In the browser") {
		got[row[0]] = row[1] + " " + row[2]
	}
	want := map[string]string{}
	for name := range lock.Packages[""].Dependencies {
		p := lock.Packages["node_modules/"+name]
		want[name] = p.Version + " " + p.License
	}
	same(t, got, want)

	free := []string{
		"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "PSF-2.0", "Unlicense",
		"(MIT AND Zlib)", "(MPL-2.0 OR Apache-2.0)",
	}
	unsaid := []string{"node_modules/fuzzy", "node_modules/khroma"} // MIT, as their own files say
	for name, p := range lock.Packages {
		if !p.Dev && !slices.Contains(free, p.License) && !slices.Contains(unsaid, name) {
			t.Errorf("%s is under %q, which is not known to be free", name, p.License)
		}
	}
}

// linked returns the modules of others that a program is made of, with their versions.
func linked(t *testing.T, cgo, pkg string) map[string]string {
	t.Helper()
	return listed(t, cgo, "{{.Version}}", pkg)
}

// listed returns something about each module of others that packages are made
// of. It looks at the directories of our own, so that a change of what they
// import is a change to the test, whose result Go would else remember.
func listed(t *testing.T, cgo, what string, args ...string) map[string]string {
	t.Helper()
	format := "{{with .Module}}{{.Path}}\t{{if .Main}}{{$.Dir}}{{else}}" + what + "{{end}}{{end}}"
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-f", format}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	modules := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case name == module:
			if _, err := os.ReadDir(value); err != nil {
				t.Fatal(err)
			}
		case name != "":
			modules[name] = value
		}
	}
	if len(modules) == 0 {
		t.Fatalf("go list %v names no modules", args)
	}
	return modules
}

// licences returns which licences lie in a module, by a phrase that each has.
func licences(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"LICENSE*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text := strings.Join(strings.Fields(read(t, file)), " ")
			for name, phrase := range map[string]string{
				"Apache-2.0": "Apache License Version 2.0",
				"GPL":        "GENERAL PUBLIC LICENSE", // in capitals, as it is the title
				"MIT":        "Permission is hereby granted, free of charge",
				"MPL-2.0":    "Mozilla Public License Version 2.0",
				"Unlicense":  "free and unencumbered software",
			} {
				if strings.Contains(text, phrase) {
					found = append(found, name)
				}
			}
			if strings.Contains(text, "Redistribution and use in source and binary forms") {
				if strings.Contains(text, "Neither the name") {
					found = append(found, "BSD-3-Clause")
				} else {
					found = append(found, "BSD-2-Clause")
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// table returns the cells of the first table under a heading of docs/dependencies.md.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut(read(t, "docs/dependencies.md"), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/dependencies.md has no heading %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var rows [][]string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i, c := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(c), "`")
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("docs/dependencies.md has no table under %q", heading)
	}
	return rows[2:]
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// same compares what the document says with what is.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("docs/dependencies.md: %s: got %q, want %q", name, got[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if want[name] == "" {
			t.Errorf("docs/dependencies.md: %s is there, and not used", name)
		}
	}
}
