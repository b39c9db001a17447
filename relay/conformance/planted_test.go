package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fault is one wrong thing to do to the relay: a text of one of its files, what
// stands there instead, and the rule that must be seen to break.
type fault struct {
	name, file string
	text, by   string
	rule       string
	note       string // is said of the rule
}

// faults are mistakes that somebody could make in the relay. A dialogue that
// passes with one of them shows nothing.
var faults = []fault{
	{
		"an ack overtakes ops of others", "relay/member.go",
		"		m.sendOps(out, entries[:cut], m.due[:n])\n		entries = entries[cut:]\n		m.acks(out, n)\n",
		"		own := append([]due(nil), m.due[:n]...)\n		m.acks(out, n)\n		m.sendOps(out, entries[:cut], own)\n		entries = entries[cut:]\n",
		"R49", "ack",
	},
	{
		"own ops come back", "relay/member.go",
		"mine := len(own) > 0 && own[0].offset == e.offset",
		"mine := false",
		"R50", `"type":"ops"`,
	},
	{
		"live is not said", "relay/member.go",
		`	out.say(&wire.Live{Type: wire.TypeLive, Doc: m.doc, Offset: m.pos})`,
		`	_ = wire.Live{}`,
		"R30", "nothing came in time",
	},
	{
		"content of retries is not compared", "relay/tail.go",
		"	if len(t.content) == 0 {",
		"	if len(t.content) >= 0 {",
		"R52", `"type":"ack"`,
	},
	{
		"a gap is not seen", "relay/accept.go",
		"	if op.Seq > head+1 {",
		"	if op.Seq > head+1e6 {",
		"R54", `"gap"`,
	},
	{
		"missing ops are not seen", "relay/accept.go",
		"		if r.head(a) < seq {\n			m.Raise(a, seq)",
		"		if r.head(a) < seq && seq > 1e6 {\n			m.Raise(a, seq)",
		"R55", `"missing"`,
	},
	{
		"null of presence is lost", "relay/presence.go",
		"	p.gone = append(p.gone, departed{m.session.id, m.came, p.version})\n",
		"",
		"R72", "nothing came in time",
	},
	{
		"who left still hears", "relay/read.go",
		"		if m.leave() {",
		"		if m != nil {",
		"R80", `"type":"event"`,
	},
	{
		"acks go back", "relay/member.go",
		"		out.add(ackFrame(m.doc, d))\n",
		"		out.add(ackFrame(m.doc, d))\n		if d.dot.Seq > 1 {\n			d.dot.Seq--\n			out.add(ackFrame(m.doc, d))\n		}\n",
		"R48", `came: {"type":"ack"`,
	},
	{
		"an unknown type ends the connection", "relay/read.go",
		"		s.say(refused)\n",
		"		s.close(wire.CloseUnreadable, refused.Message)\n",
		"R12", "closed: 4400",
	},
	{
		"the payload is written anew", "relay/wire/ops.go",
		"		op.Payload, arena = take(arena, r.payload)\n",
		"		op.Payload, arena = take(arena, bytes.ReplaceAll(r.payload, []byte(`\\/`), []byte(`/`)))\n",
		"R2", "frame.ops[0].payload is",
	},
	{
		"a session starts at the head", "relay/join.go",
		"		m.pos = since.Offset\n",
		"		m.pos = st.Head\n",
		"R33", "frame.from is",
	},
}

// Each planted fault breaks its rule, for the reason that it is there for.
func TestPlantedFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			s := serve(t, build(t, t.TempDir(), plant(t, f)))
			s.Wait, s.Rules = time.Second, []string{f.rule}
			v := results(t, s.Config)[f.rule]
			if v.Status != Fail || !strings.Contains(strings.Join(v.Notes, "\n"), f.note) {
				t.Errorf("got %v, want %s to fail with %q", v, f.rule, f.note)
			}
		})
	}
}

// plant writes the file with the fault in it, and the overlay that makes go
// build take it. It fails where the text is not there exactly once: the fault
// has to be planted anew then.
func plant(t *testing.T, f fault) (overlay string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", f.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), f.text); n != 1 {
		t.Fatalf("%s has the text %d times, want once: plant this fault anew\n%s", f.file, n, f.text)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, filepath.Base(f.file))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), f.text, f.by, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}
