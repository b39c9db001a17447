package baton_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/baton-relay/baton"

// rooms says which rooms of the house each room may enter, and which modules of
// others it may use. A room that is not here does not exist. Test files may
// enter what they like: they hold the rooms to each other.
var rooms = map[string]struct{ inside, outside []string }{
	"clock":               {},
	"durable":             {},
	"durable/durabletest": {},
	"oplog":               {inside: []string{"clock"}},
	"oplog/oplogtest":     {inside: []string{"clock", "oplog"}, outside: []string{"pgregory.net/rapid"}},
	"oplog/bolt/pages":    {},
	"oplog/bolt":          {inside: []string{"clock", "durable", "oplog", "oplog/bolt/pages"}, outside: []string{"go.etcd.io/bbolt"}},
	"relay/wire":          {inside: []string{"clock", "oplog"}, outside: []string{"github.com/go-json-experiment/json"}},
	"relay/auth": {inside: []string{"durable"}, outside: []string{
		"github.com/MicahParks/jwkset", "github.com/MicahParks/keyfunc/v3", "github.com/go-json-experiment/json", "github.com/golang-jwt/jwt/v5",
	}},
	"relay/webhook":     {inside: []string{"durable", "oplog/bolt/pages"}, outside: []string{"go.etcd.io/bbolt", "github.com/google/uuid"}},
	"relay/conformance": {outside: []string{"github.com/gorilla/websocket"}},
	"relay": {
		inside: []string{"clock", "oplog", "relay/auth", "relay/webhook", "relay/wire"},
		outside: []string{
			"github.com/gorilla/websocket", "github.com/google/uuid", "github.com/prometheus/client_golang", "github.com/prometheus/client_model",
			"golang.org/x/net", "golang.org/x/time",
		},
	},
	"client": {
		inside:  []string{"clock", "oplog", "relay/wire"},
		outside: []string{"github.com/gorilla/websocket", "github.com/google/uuid", "github.com/go-json-experiment/json"},
	},
	"client/admin": {inside: []string{"clock", "oplog", "relay/wire"}},
	"client/bench": {
		inside:  []string{"clock", "oplog", "relay/wire"},
		outside: []string{"github.com/gorilla/websocket", "github.com/google/uuid", "golang.org/x/sys"},
	},
	"doc": {
		inside:  []string{"clock", "oplog"},
		outside: []string{"github.com/automerge/automerge-go", "github.com/go-json-experiment/json", "golang.org/x/sys"},
	},
	"doc/board": {
		inside:  []string{"doc/board/fonts", "doc/board/rough"},
		outside: []string{"golang.org/x/image"},
	},
	"doc/board/fonts": {
		inside:  []string{"doc/board/rough"},
		outside: []string{"github.com/go-text/typesetting", "golang.org/x/image"},
	},
	"doc/board/rough": {},
	"doc/diff":        {outside: []string{"github.com/aymanbagabas/go-udiff", "github.com/clipperhouse/displaywidth"}},
	"doc/graph":       {inside: []string{"clock", "oplog"}, outside: []string{"github.com/clipperhouse/displaywidth"}},
	"webdemo":         {},
	"webdemo/pack":    {},
	"cmd/baton": {
		inside:  []string{"client/bench", "durable", "oplog", "oplog/bolt", "relay", "relay/auth", "relay/conformance", "relay/webhook", "relay/wire", "webdemo"},
		outside: []string{"github.com/BurntSushi/toml", "github.com/alecthomas/kong", "golang.org/x/crypto/acme", "golang.org/x/sys"},
	},
	"cmd/baton-snapshot": {
		inside: []string{"client/admin", "clock", "doc", "doc/board", "doc/board/fonts", "doc/diff", "doc/graph", "durable", "oplog", "oplog/bolt", "relay/wire"},
		outside: []string{
			"github.com/alecthomas/kong", "github.com/dustin/go-humanize", "github.com/guptarohit/asciigraph",
			"github.com/schollz/progressbar/v3", "golang.org/x/term",
		},
	},
}

// TestRoomsEnterOnlyWhatTheyMay parses the imports of the tree itself: nothing
// of it can be stale.
func TestRoomsEnterOnlyWhatTheyMay(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" || name == "data") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		room := filepath.ToSlash(filepath.Dir(file))
		seen[room] = true
		rule, known := rooms[room]
		if !known {
			t.Errorf("%s: the house has no room %q; add it to rooms with what it may enter", file, room)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if !allowed(name, rule.inside, rule.outside) {
				t.Errorf("%s: room %s must not import %q; it may enter %v and use %v", file, room, name, rule.inside, rule.outside)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		if !seen[room] {
			t.Errorf("room %q has no code; take it off the list", room)
		}
	}
}

// TestKeysOfLogsAreConstants reads every line that logs: one thing has one name.
func TestKeysOfLogsAreConstants(t *testing.T) {
	lines := 0
	for _, dir := range []string{"cmd/baton", "oplog", "relay"} {
		err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
			if err != nil || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for n := range ast.Preorder(f) {
				call, ok := n.(*ast.CallExpr)
				if !ok || !logs(call) {
					continue
				}
				lines++
				for i := 1; i < len(call.Args); i += 2 {
					if key, ok := call.Args[i].(*ast.BasicLit); ok {
						t.Errorf("%v: the key %s is no constant", set.Position(key.Pos()), key.Value)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if lines < 20 {
		t.Errorf("got %d lines that log, want more: has their form changed?", lines)
	}
}

// logs reports whether a call is one of a logger's, with a message.
func logs(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) || len(call.Args) == 0 {
		return false
	}
	message, ok := call.Args[0].(*ast.BasicLit)
	return ok && message.Kind == token.STRING
}

func allowed(name string, inside, outside []string) bool {
	if name == "C" || strings.HasPrefix(name, "plugin") {
		return false
	}
	if room, ok := strings.CutPrefix(name, module+"/"); ok {
		return slices.Contains(inside, room)
	}
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(outside, func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") })
}
