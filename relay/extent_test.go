package relay

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/baton-relay/baton/relay/wire"
)

// A document takes so many bytes and no more, whoever brings them and however
// many ops are on their way; pruning makes room, a restart of the room does not.
func TestDocumentsThatAreFull(t *testing.T) {
	h := start(t, Config{Limits: wire.Limits{DocBytes: 1000}})
	l := h.live("", "d")
	payload := `"` + strings.Repeat("x", 98) + `"`
	var specs []string
	for i := 1; i <= 12; i++ {
		specs = append(specs, fmt.Sprintf("a:%d=%s", i, payload))
	}
	l.ops("d", specs...)
	rejected := l.frame()
	if got := rejected.lines()[0]; got != "reject a:11 closed" || !strings.Contains(rejected.Message, "1000") {
		t.Fatalf("got %s, want a:11 rejected, and why", rejected.raw)
	}
	for line := l.line(); line != "ack a:10@10"; line = l.line() {
		if line != "reject a:12 gap 11" {
			t.Fatalf("got %q, want the acks up to a:10", line)
		}
	}
	l.ops("d", "b:1=1")
	l.want("reject b:1 closed")
	l.ops("d", specs[9]) // known
	l.want("ack a:10@10")
	l.ops("e", "a:1") // another document is not full; this session is not in it
	l.want("error not_joined")
	l.ws.Close()

	l = h.live("", "d") // a new room reads from the log how large the document is
	l.ops("d", "b:1=1")
	l.want("reject b:1 closed")
	h.put("d", 5, "blob").want(t, "put", http.StatusCreated)
	h.want(http.StatusOK, "POST /v1/docs/d/prune?before=6", "")
	l.ops("d", specs[10])
	l.want("ack a:11@11")
	for i := 1; i <= 4; i++ {
		l.ops("d", fmt.Sprintf("b:%d=%s", i, payload))
		l.want(fmt.Sprintf("ack b:%d@%d", i, 11+i))
	}
	l.ops("d", "b:5=1")
	l.want("reject b:5 closed")
}

// A subject is so many actors in a document, and a document has so many. Known
// ones go on all the same, so that nobody locks others out.
func TestActorsAreCounted(t *testing.T) {
	h := start(t, Config{Auth: writers, Limits: wire.Limits{Actors: 3, DocActors: 5}})
	ann, bob := h.live("ann", "d"), h.live("bob", "d")
	ann.ops("d", "a1:1", "a2:1", "a3:1", "a4:1")
	ann.want("reject a4:1 closed")
	ann.skipTo("ack")
	bob.ops("d", "b1:1", "b2:1")
	bob.skipTo("ack")
	bob.ops("d", "b3:1", "b2:2")
	if got := new(bob.skipTo("reject")).lines()[0]; got != "reject b3:1 closed" {
		t.Errorf("got %q, want b3 refused: the document has five", got)
	}
	if got := new(bob.skipTo("ack")).lines()[0]; !strings.HasPrefix(got, "ack b2:2") {
		t.Errorf("got %q, want a known actor to go on", got)
	}
	for _, l := range []*listener{ann, bob} {
		l.ws.Close()
	}
	again := h.live("ann", "d")
	again.ops("d", "a5:1", "a3:2")
	again.want("reject a5:1 closed")
	again.skipTo("ack")
	elsewhere := h.live("ann", "e")
	elsewhere.ops("e", "a4:1")
	elsewhere.want("ack a4:1@1")
}

func TestParticipantsAreCounted(t *testing.T) {
	h := start(t, Config{Limits: wire.Limits{Participants: 2}})
	first, _ := h.live("", "d"), h.live("", "d")
	third := h.listen("")
	third.send(`{"type":"join","id":1,"doc":"d"}`)
	if f := third.frame(); f.Code != "unavailable" || f.RetryMS == 0 || string(f.ID) != "1" {
		t.Errorf("got %s, want a time to come again", f.raw)
	}
	first.send(`{"type":"leave","doc":"d"}`)
	first.skipTo("left")
	third.enter("d")
}

// Whose an actor is, in every way it can come to be written as.
func TestWhoseAnActorIs(t *testing.T) {
	tokens := &tokenList{}
	tokens.set("", "", 0, writers["ann"]) // without a token one may write too
	for name, docs := range writers {
		tokens.set(name, name, 0, docs)
	}
	h := start(t, Config{Auth: tokens})
	for _, by := range []string{"ann", ""} {
		l := h.live(by, "d")
		l.ops("d", "of-"+by+":1")
		l.skipTo("ack")
	}
	imported := `[{"actor":"old","seq":1,"payload":1,"by":"ann","at":5}]`
	h.wantAs("root", http.StatusOK, "POST /v1/docs/d/ops", imported, `"acks":[{"actor":"old"`)
	for _, tt := range []struct{ by, op, want string }{
		{"ann", "of-ann:2", "ack"},
		{"bob", "of-ann:3", "forbidden"},
		{"", "of-ann:3", "forbidden"},
		{"root", "of-ann:3", "forbidden"}, // the right to administer is none to be somebody else
		{"bob", "of-ann:1", "ack"},        // known, with the same content
		{"bob", "of-ann:1=2", "conflict"},
		{"ann", "of-:2", "forbidden"}, // nobody's, and closed to those who have a name
		{"", "of-:2", "ack"},
		{"ann", "old:2", "ack"}, // who the import says
		{"bob", "old:3", "forbidden"},
		{"root", "old:3", "forbidden"},
		{"bob", "of-ann:9", "forbidden"}, // before gap
	} {
		answer := h.do("POST /v1/docs/d/ops", "["+op(tt.op)+"]", "Authorization: Bearer "+tt.by)
		if !strings.Contains(answer.body, `"`+tt.want) || (tt.want == "ack") != strings.Contains(answer.body, `"rejects":[]`) {
			t.Errorf("%s by %q: got %s, want %s", tt.op, tt.by, answer.body, tt.want)
		}
	}
	// An import in another's name.
	forged := `[{"actor":"of-ann","seq":3,"payload":1,"by":"bob"}]`
	h.wantAs("root", http.StatusOK, "POST /v1/docs/d/ops", forged, `"forbidden"`)
	forged = `[{"actor":"mine","seq":1,"payload":1,"by":"ann"}]`
	h.wantAs("bob", http.StatusOK, "POST /v1/docs/d/ops", forged, `"acks":[{"actor":"mine"`)
	page := h.wantAs("root", http.StatusOK, "GET /v1/docs/d/ops", "")
	if !strings.Contains(page.body, `"actor":"mine","seq":1,"clock":{},"at":`) || !strings.Contains(page.body, `"by":"bob","payload":1`) {
		t.Errorf("got %s, want what bob sent to be bob's whatever it says", page.body)
	}
}
