package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/protocol.schema.json"

// definitions returns the $defs of docs/protocol.schema.json, and their compiler.
func definitions(t *testing.T) (map[string]any, *jsonschema.Compiler) {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("read %s: %v", schemaFile, err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("protocol.json", doc); err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)["$defs"].(map[string]any), c
}

// Each golden frame is one that the schema allows, and together they have all
// that it has: each type, each code, each field, and each field that may be left
// out left out.
func TestGoldenFramesAreThoseOfTheSchema(t *testing.T) {
	defs, compiler := definitions(t)
	seen := coverage{defs: defs, keys: map[string]bool{}}
	for def, file := range map[string]string{"clientFrame": clientFrames, "serverFrame": serverFrames} {
		frame, err := compiler.Compile("protocol.json#/$defs/" + def)
		if err != nil {
			t.Fatalf("compile schema of %s: %v", def, err)
		}
		for i, line := range goldenFrames(t, file) {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				t.Fatalf("%s:%d: %v", file, i+1, err)
			}
			if err := frame.Validate(v); err != nil {
				t.Errorf("%s:%d: %s: %v", file, i+1, line, err)
				continue
			}
			seen.value(defs[def].(map[string]any), def, v)
			// The schema has id once for all; it is of the frames that ask and that answer.
			typ := v.(map[string]any)["type"].(string)
			if def == "clientFrame" || slices.Contains([]string{TypeJoined, TypeLeft, TypePong, TypeAuth, TypeError}, typ) {
				seen.field(def+" "+typ, "id", v.(map[string]any), nil)
			}
		}
	}
	maps.DeleteFunc(seen.keys, func(key string, _ bool) bool { return strings.HasPrefix(key, "limits without ") }) // this relay says all
	for _, key := range slices.Sorted(maps.Keys(seen.keys)) {
		if !seen.keys[key] {
			t.Errorf("no golden frame shows %s", key)
		}
	}
}

// coverage is what a schema allows where golden frames have come, and whether
// one of them shows it.
type coverage struct {
	defs map[string]any
	keys map[string]bool
}

func (c *coverage) note(key string, shown bool) { c.keys[key] = c.keys[key] || shown }

func (c *coverage) field(of, name string, object map[string]any, required []any) {
	_, there := object[name]
	c.note(of+" with "+name, there)
	if !slices.Contains(required, any(name)) {
		c.note(of+" without "+name, !there)
	}
}

// value notes what v, which is of that schema, shows of it.
func (c *coverage) value(schema map[string]any, name string, v any) {
	if ref, ok := schema["$ref"].(string); ok {
		def := strings.TrimPrefix(ref, "#/$defs/")
		c.value(c.defs[def].(map[string]any), def, v)
	}
	values, _ := schema["enum"].([]any)
	for _, allowed := range values {
		c.note(fmt.Sprintf("%s = %v", name, allowed), allowed == v)
	}
	either, _ := schema["anyOf"].([]any)
	for _, s := range either {
		c.value(s.(map[string]any), name, v)
	}
	switch v := v.(type) {
	case map[string]any:
		c.object(schema, name, v)
	case []any:
		if items, ok := schema["items"].(map[string]any); ok {
			for _, item := range v {
				c.value(items, name, item)
			}
		}
	}
}

func (c *coverage) object(schema map[string]any, name string, object map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for field, s := range properties {
		c.field(name, field, object, required)
		if s, ok := s.(map[string]any); ok && object[field] != nil {
			c.value(s, name+"."+field, object[field])
		}
	}
	if others, ok := schema["additionalProperties"].(map[string]any); ok {
		for _, v := range object {
			c.value(others, name, v)
		}
	}
	cases, _ := schema["allOf"].([]any)
	for _, one := range cases {
		var when struct {
			If struct {
				Properties struct{ Type struct{ Const string } }
			}
		}
		text, _ := json.Marshal(one)
		if err := json.Unmarshal(text, &when); err == nil && when.If.Properties.Type.Const == object["type"] {
			c.value(one.(map[string]any)["then"].(map[string]any), name, object)
		}
	}
}

// The names that Go has for types and codes are those of the schema.
func TestConstantsAreThoseOfTheSchema(t *testing.T) {
	defs, _ := definitions(t)
	property := func(def, name string) any {
		return defs[def].(map[string]any)["properties"].(map[string]any)[name]
	}
	tests := []struct {
		name   string
		schema any
		want   []any
	}{
		{"types of clients", property("clientFrame", "type"), []any{TypeJoin, TypeOps, TypePresence, TypeEvent, TypeLeave, TypePing, TypeAuth}},
		{"types of relays", property("serverFrame", "type"), []any{
			TypeWelcome, TypeJoined, TypeOps, TypeLive, TypeAck, TypeReject, TypeSnapshot, TypePresence, TypeEvent,
			TypePong, TypeLeft, TypeAccess, TypeAuth, TypeCompact, TypeError, TypeDraining,
		}},
		{"rejects", defs["rejectCode"], []any{RateLimited, Unavailable, Missing, Gap, TooLarge, Invalid, Forbidden, Closed, Conflict}},
		{"errors", defs["errorCode"], []any{
			UnknownType, Invalid, NotJoined, AlreadyJoined, Forbidden, NotFound, Format, Pruned, TooManyDocs, RateLimited, Unavailable,
		}},
		{"left", property("left", "code"), []any{Left, Deleted, Forbidden, Closed, Replaced}},
	}
	for _, tt := range tests {
		if got, want := fmt.Sprint(tt.schema.(map[string]any)["enum"]), fmt.Sprint(tt.want); got != want {
			t.Errorf("%s:\ngot  %s in the schema\nwant %s", tt.name, got, want)
		}
	}
}
