package relay

import (
	"net/http"
	"testing"

	"github.com/baton-relay/baton/relay/auth"
)

func TestDocInfo(t *testing.T) {
	h := start(t, Config{})
	p := h.dial("")
	p.send(`{"type":"join","doc":"d"}`)
	p.await(`"joined"`)
	h.want(404, "GET /v1/docs/d", "", `"not_found"`, `"access":["read",`) // it exists from its first op
	h.write("d", "a", 1, 2, 1)
	h.write("d", "b", 1, 1, 1)
	h.want(200, "GET /v1/docs/d", "", `{"doc":"d","epoch":"`, `"head":3,"first":1,"clock":{"a":2,"b":1},"format":"json","at":1`, `,"bytes":9,"participants":1,"access":["read","write","presence","compact","admin"]}`)
	p.send(`{"type":"leave","doc":"d"}`)
	p.await(`"left"`)
	h.want(200, "GET /v1/docs/d", "", `"participants":0`)
	if got := h.do("HEAD /v1/docs/d", ""); got.status != 200 || got.body != "" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("HEAD: got %+v", got)
	}
}

func TestListDocs(t *testing.T) {
	h := start(t, Config{Auth: people{
		"root": {"*": auth.All}, "ann": {"b*": auth.All, "*": auth.Read}, "bob": {"*": auth.All &^ auth.Admin},
	}})
	h.wantAs("root", 200, "GET /v1/docs", "", `{"docs":[]}`)
	for _, doc := range []string{"c", "b2", "a", "b1"} {
		h.wantAs("root", 200, "POST /v1/docs/"+doc+"/ops", `[{"actor":"a","seq":1,"payload":1}]`)
	}
	tests := []struct{ who, query, want string }{
		{"root", "", `{"docs":["a","b1","b2","c"]}`},
		{"root", "?after=b1", `{"docs":["b2","c"]}`},
		{"root", "?after=b", `{"docs":["b1","b2","c"]}`},
		{"root", "?limit=2", `{"docs":["a","b1"],"next":"b1"}`},
		{"root", "?after=c", `{"docs":[]}`},
		{"ann", "", `{"docs":["b1","b2"]}`},
		{"ann", "?limit=1", `{"docs":["b1"],"next":"b1"}`}, // nothing of a
		{"ann", "?limit=1&after=b1", `{"docs":["b2"],"next":"b2"}`},
		{"ann", "?limit=1&after=b2", `{"docs":[]}`}, // nothing of c
	}
	for _, tt := range tests {
		if got := h.wantAs(tt.who, 200, "GET /v1/docs"+tt.query, ""); got.body != tt.want {
			t.Errorf("%s %q: got %s, want %s", tt.who, tt.query, got.body, tt.want)
		}
	}
	h.wantAs("bob", 403, "GET /v1/docs", "", "forbidden")
}

// Whatever is asked wrongly is answered by a status, a code and a sentence.
func TestRefusals(t *testing.T) {
	h := start(t, Config{Auth: people{"root": {"*": auth.All}, "ann": {"*": auth.Read}, "none": {"x": auth.All}}})
	op := `[{"actor":"a","seq":1,"payload":1}]`
	h.wantAs("root", 200, "POST /v1/docs/d/ops", op)
	tests := []struct {
		who, line, body string
		status          int
		allow           string
	}{
		{"", "GET /v1/docs/d", "", 401, ""},
		{"nobody", "GET /v1/docs/d", "", 401, ""},
		{"none", "GET /v1/docs/d", "", 403, ""},
		{"none", "GET /v1/docs/d/ops", "", 403, ""},
		{"none", "GET /v1/docs/d/snapshots/1", "", 403, ""},
		{"none", "GET /v1/docs/d/snapshots/1/meta", "", 403, ""},
		{"ann", "POST /v1/docs/d/ops", op, 403, ""},
		{"ann", "POST /v1/docs/d/events", `{"name":"n"}`, 403, ""},
		{"ann", "POST /v1/docs/d/prune?before=1", "", 403, ""},
		{"ann", "DELETE /v1/docs/d", "", 403, ""},
		{"ann", "GET /v1/docs", "", 403, ""},
		{"ann", "GET /v1/admin/backup", "", 403, ""},
		{"ann", "POST /v1/admin/revoke", `{"subject":"root"}`, 403, ""},
		{"none", "GET /v1/admin/backup", "", 403, ""},
		{"root", "GET /v1/docs/d/nothing", "", 404, ""},
		{"root", "GET /v1", "", 404, ""},
		{"root", "GET /", "", 404, ""},
		{"root", "DELETE /v1/docs/never", "", 404, ""},
		{"root", "POST /v1/docs/never/prune?before=1", "", 404, ""},
		{"root", "PATCH /v1/docs/d", "", 405, "DELETE, GET, HEAD"},
		{"root", "DELETE /v1/docs/d/ops", "", 405, "GET, HEAD, POST"},
		{"root", "GET /v1/docs/d/events", "", 405, "POST"},
		{"root", "GET /v1/docs/d/prune", "", 405, "POST"},
		{"root", "POST /v1/docs/d/snapshots/1", "", 405, "DELETE, GET, HEAD, PUT"},
		{"root", "POST /v1/docs", "", 405, "GET, HEAD"},
		{"root", "POST /v1/ws", "", 405, "GET, HEAD"},
		{"root", "POST /healthz", "", 405, "GET, HEAD"},
		{"root", "GET /v1/admin/revoke", "", 405, "POST"},
		{"root", "GET /v1/docs/-d", "", 400, ""},
		{"root", "GET /v1/docs/a%2Fb/ops", "", 400, ""},
		{"root", "GET /v1/docs/d/ops?after=x", "", 400, ""},
		{"root", "GET /v1/docs/d/ops?after=1.0", "", 400, ""},
		{"root", "GET /v1/docs/d/ops?after=-1", "", 400, ""},
		{"root", "GET /v1/docs/d/ops?limit=0", "", 400, ""},
		{"root", "GET /v1/docs/d/ops?wait=soon", "", 400, ""},
		{"root", "GET /v1/docs/d/ops?wait=-1s", "", 400, ""},
		{"root", "GET /v1/docs/d/ops?after=%zz", "", 400, ""},
		{"root", "GET /v1/docs?limit=many", "", 400, ""},
		{"root", "POST /v1/docs/d/prune", "", 400, ""},
		{"root", "POST /v1/docs/d/prune?before=0", "", 400, ""},
		{"root", "POST /v1/admin/revoke", `{}`, 400, ""},
		{"root", "POST /v1/admin/revoke", `[`, 400, ""},
		{"root", "POST /v1/admin/revoke", "", 415, ""},
		{"root", "DELETE /v1/docs/d/snapshots/x", "", 400, ""},
		{"root", "PUT /v1/docs/d/snapshots/latest", "", 400, ""},
		{"root", "POST /v1/docs/d/prune?before=1&epoch=old", "", 410, ""},
	}
	for _, tt := range tests {
		got := h.wantAs(tt.who, tt.status, tt.line, tt.body)
		if got.header.Get("Allow") != tt.allow || got.header.Get("Content-Type") != typeJSON {
			t.Errorf("%s: got header %v", tt.line, got.header)
		}
	}
	h.do("POST /v1/docs/d/prune?before=1", "x=1", "Content-Type: application/x-www-form-urlencoded", "Authorization: Bearer root").
		want(t, "a form", http.StatusUnsupportedMediaType)
}

// The door is asked first, whatever the request.
func TestDoorOfHTTP(t *testing.T) {
	h := start(t, Config{AllowOrigins: origins("https://app.example")})
	h.write("d", "a", 1, 1, 1)
	h.do("GET /v1/docs/d/ops", "", "Origin: https://evil.example").want(t, "read from elsewhere", 403)
	h.do("DELETE /v1/docs/d", "", "Origin: https://evil.example").want(t, "delete from elsewhere", 403)
	got := h.do("GET /v1/docs/d/ops", "", "Origin: https://app.example")
	got.want(t, "read from an allowed page", 200)
	if got.header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("got header %v", got.header)
	}
}
