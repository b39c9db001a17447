package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	protocolPage = "../../docs/protocol.md"
	schemaFile   = "../../docs/protocol.schema.json"
)

// compiled is docs/protocol.schema.json. Its parts are compiled as they are
// asked for.
var compiled = sync.OnceValues(func() (*jsonschema.Compiler, error) {
	f, err := os.Open(schemaFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	return c, c.AddResource("protocol.json", doc)
})

// schema returns the definition of that name.
func schema(t *testing.T, def string) *jsonschema.Schema {
	t.Helper()
	c, err := compiled()
	if err != nil {
		t.Fatalf("read schema: %v", err)
	}
	s, err := c.Compile("protocol.json#/$defs/" + def)
	if err != nil {
		t.Fatalf("compile schema of %s: %v", def, err)
	}
	return s
}

// validate checks JSON text against a definition.
func validate(s *jsonschema.Schema, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// example is one line of a json block of docs/protocol.md.
type example struct {
	line int
	kind []string // the words behind "json"
	text string
}

func examples(t *testing.T) (list []example) {
	t.Helper()
	page, err := os.ReadFile(protocolPage)
	if err != nil {
		t.Fatal(err)
	}
	var kind []string
	for i, line := range strings.Split(string(page), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence:
			kind = strings.Fields(fence)
		case len(kind) > 0 && kind[0] == "json":
			list = append(list, example{i + 1, kind[1:], line})
		}
	}
	return list
}

func TestExamplesOfThePage(t *testing.T) {
	seen := map[string]int{}
	for _, e := range examples(t) {
		def := map[string]string{"client": "clientFrame", "server": "serverFrame"}[e.kind[0]]
		if e.kind[0] == "http" {
			def = e.kind[1]
		}
		err := validate(schema(t, def), []byte(e.text))
		if bad := slices.Contains(e.kind, "bad"); (err != nil) != bad {
			t.Errorf("protocol.md:%d: %s\nas %s: got error %v, want bad=%t", e.line, e.text, def, err, bad)
		}
		seen[e.kind[0]]++
	}
	if seen["client"] < 10 || seen["server"] < 20 || seen["http"] < 8 {
		t.Errorf("got %v examples, fewer than the page had when this was written", seen)
	}
}

// Each frame of the schema has an example on the page, so that neither gains one alone.
func TestEveryFrameHasAnExample(t *testing.T) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Defs map[string]struct {
			Properties struct {
				Type struct {
					Enum []string `json:"enum"`
				} `json:"type"`
			} `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for way, def := range map[string]string{"client": "clientFrame", "server": "serverFrame"} {
		var shown []string
		for _, e := range examples(t) {
			if e.kind[0] == way && len(e.kind) == 1 {
				shown = append(shown, typeOf([]byte(e.text)))
			}
		}
		types := s.Defs[def].Properties.Type.Enum
		if len(types) == 0 {
			t.Errorf("%s has no types", def)
		}
		for _, name := range types {
			if !slices.Contains(shown, name) {
				t.Errorf("no %s example of %q on the page", way, name)
			}
		}
	}
}

var definedRule = regexp.MustCompile(`\*\*(R[0-9]+)\*\*`)

// rulesOfThePage returns the rules that the page defines, in its order.
func rulesOfThePage(t *testing.T) (rules []string) {
	t.Helper()
	page, err := os.ReadFile(protocolPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range definedRule.FindAllStringSubmatch(string(page), -1) {
		if slices.Contains(rules, m[1]) {
			t.Errorf("%s is defined twice", m[1])
		}
		rules = append(rules, m[1])
	}
	return rules
}
