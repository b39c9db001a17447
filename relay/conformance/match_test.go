package conformance

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct{ pattern, value, wrong string }{
		{`{"a":1}`, `{"a":1,"b":2}`, ""},
		{`{"a":1}`, `{"b":2}`, "v.a is missing"},
		{`{"a":1}`, `{"a":1.0}`, "v.a is 1.0, not 1"},
		{`{"a":1}`, `[1]`, "v is [1], not an object"},
		{`{"a":null}`, `{"a":null}`, ""},
		{`{"a":null}`, `{}`, "v.a is missing"},
		{`{"a":"x"}`, `{"a":null}`, `v.a is null, not "x"`},
		{`{"a":"A"}`, `{"a":"\u0041"}`, ""},
		{`{"a":1,"<else>":"<absent>"}`, `{"a":1}`, ""},
		{`{"a":1,"<else>":"<absent>"}`, `{"a":1,"b":2}`, "v.b is 2, not <absent>"},
		{`[1,2]`, `[1,2]`, ""},
		{`[1]`, `[1,2]`, "v has 2 elements, not 1"},
		{`[1,"..."]`, `[1,2,3]`, ""},
		{`["..."]`, `[]`, ""},
		{`[1,2,"..."]`, `[1]`, "v has 1 elements, not 2"},
		{`[]`, `null`, "not a list"},
		{`"<any>"`, `null`, ""},
		{`{"a":"<any>"}`, `{}`, "v.a is missing"},
		{`{"a":"<absent>"}`, `{}`, ""},
		{`{"a":"<absent>"}`, `{"a":null}`, "v.a is null, not <absent>"},
		{`"<string>"`, `""`, ""},
		{`"<text>"`, `""`, `v is "", not <text>`},
		{`"<int>"`, `12`, ""},
		{`"<int>"`, `1.5`, "not <int>"},
		{`"<int > 4>"`, `5`, ""},
		{`"<int > 4>"`, `4`, "v is 4, not <int > 4>"},
		{`"<int >= $n>"`, `7`, ""},
		{`"<int < $n>"`, `7`, "not <int < 7>"},
		{`"<int <= $n>"`, `7`, ""},
		{`"<bool>"`, `false`, ""},
		{`"<uuid>"`, `"b4a3c1de-4b0e-4f5e-9d3c-0d6a3f1c2b11"`, ""},
		{`"<uuid>"`, `"b4a3"`, "not <uuid>"},
		{`"<has read>"`, `["read","write"]`, ""},
		{`"<has admin>"`, `["read","write"]`, "not <has admin>"},
		{`"<lacks admin>"`, `["read"]`, ""},
		{`"<not 7>"`, `8`, ""},
		{`"<not $n>"`, `7`, "not <not 7>"},
		{`"<not x>"`, `"x"`, "not <not x>"},
		{`"<raw {"a":1.0,"a":"é>x"}>"`, `{"a":1.0,"a":"é>x"}`, ""},
		{`"<raw {"a":1}>"`, `{"a": 1}`, "v is"},
		{`"<nonsense>"`, `1`, "no matcher is called <nonsense>"},
		{`"$n"`, `7`, ""},
		{`"$n"`, `"7"`, `v is "7", not 7`},
		{`"n$n"`, `"n7"`, ""},
		{`{"n$n":1}`, `{"n7":1}`, ""},
	} {
		p, err := parsePattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		v := values{"n": json.RawMessage("7")}
		err = v.match(p, json.RawMessage(test.value), "v")
		switch {
		case err == nil && test.wrong != "":
			t.Errorf("%s matches %s, want %q", test.pattern, test.value, test.wrong)
		case err != nil && (test.wrong == "" || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%s with %s: got %q, want %q", test.pattern, test.value, err, test.wrong)
		}
	}
}

func TestMatchKeepsValues(t *testing.T) {
	p, err := parsePattern(`{"a":"$x","b":{"c":"$x","d":"$y"}}`)
	if err != nil {
		t.Fatal(err)
	}
	v := values{}
	if err := v.match(p, json.RawMessage(`{"a":[1],"b":{"c":[1],"d":"t"}}`), "v"); err != nil {
		t.Fatal(err)
	}
	if got := string(v["x"]) + string(v["y"]); got != `[1]"t"` {
		t.Errorf("got %s", got)
	}
}
