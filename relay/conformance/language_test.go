package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// fake is a server that does what it is told: a frame {"say":[…],"close":N}
// is answered with the frames of the list, and a close.
func fake(t *testing.T) Config {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ws", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer bad" {
			http.Error(w, `{"code":"unauthorized"}`, http.StatusUnauthorized)
			return
		}
		up := websocket.Upgrader{Subprotocols: []string{"baton.v1"}}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		obey(ws)
	})
	mux.HandleFunc("/v1/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Header().Set("Baton-Format", "json")
		w.WriteHeader(http.StatusCreated)
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		_, _ = w.Write(b.Bytes())
	})
	mux.HandleFunc("/v1/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": hello\n\nid: e.1\ndata: {\"seq\":1}\n\nid: e.2\ndata: {\"seq\":\ndata: 2}\n\n")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return Config{URL: "ws" + strings.TrimPrefix(s.URL, "http"), Wait: 300 * time.Millisecond}
}

func obey(ws *websocket.Conn) {
	welcome := `{"type":"welcome","session":"11111111-2222-3333-4444-555555555555","replace":"r","limits":{"docs":3}}`
	for say := []string{welcome}; ; {
		for _, text := range say {
			if ws.WriteMessage(websocket.TextMessage, []byte(text)) != nil {
				return
			}
		}
		_, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		var order struct {
			Say   []json.RawMessage `json:"say"`
			Close int               `json:"close"`
		}
		if json.Unmarshal(data, &order) != nil {
			order.Close = 4400
		}
		say = nil
		for _, f := range order.Say {
			say = append(say, string(f))
		}
		if order.Close != 0 {
			_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(order.Close, "told to"))
			return
		}
	}
}

func TestLanguage(t *testing.T) {
	cfg := fake(t)
	for _, test := range []struct{ name, text, wrong string }{
		{"next", "A connect\nA> {\"say\":[{\"type\":\"a\",\"n\":1}]}\nA< {\"type\":\"a\",\"n\":1}", ""},
		{"another", "A connect\nA> {\"say\":[{\"type\":\"a\",\"n\":1}]}\nA< {\"type\":\"a\",\"n\":2}", "frame.n is 1, not 2"},
		{"none", "A connect\nA< {\"type\":\"a\"}", "nothing came in time"},
		{"skip", "A connect\nA> {\"say\":[{\"type\":\"a\"},{\"type\":\"b\"}]}\nA<... {\"type\":\"b\"}", ""},
		{"skip some", "A connect\nA> {\"say\":[{\"type\":\"a\"},{\"type\":\"c\"},{\"type\":\"b\"}]}\nA<...a {\"type\":\"b\"}", `frame.type is "c", not "b"`},
		{"quiet", "A connect\nA~ 20ms", ""},
		{"not quiet", "A connect\nA> {\"say\":[{\"type\":\"a\"}]}\nA~ 200ms", `came: {"type":"a"}`},
		{"quiet of some", "A connect\nA> {\"say\":[{\"type\":\"a\"}]}\nA~ 50ms b,c", ""},
		{"closed", "A connect\nA> {\"say\":[{\"type\":\"a\"}],\"close\":4403}\nA! 4403", ""},
		{"closed otherwise", "A connect\nA> {\"close\":4403}\nA! 4400", `closed: 4403 "told to"`},
		{"not closed", "A connect\nA! any", "nothing came in time"},
		{"closed anyhow", "A connect\nA> {\"close\":1000}\nA! any", ""},
		{"closed and again", "A connect\nA> x\nA! 4400\nA connect", ""},
		{"kept value", "A connect\nA> {\"say\":[{\"x\":5},{\"y\":5},{\"z\":6}]}\nA< {\"x\":\"$n\"}\nA< {\"y\":\"$n\"}\nA< {\"z\":\"<int > $n>\"}", ""},
		{"kept value differs", "A connect\nA> {\"say\":[{\"x\":5},{\"y\":6}]}\nA< {\"x\":\"$n\"}\nA< {\"y\":\"$n\"}", "frame.y is 6, not 5"},
		{"value not kept from a frame that is skipped", "A connect\nA> {\"say\":[{\"x\":5,\"z\":1},{\"x\":6,\"z\":2}]}\nA<... {\"x\":\"$n\",\"z\":2}\nA> {\"say\":[{\"y\":\"$n\"}]}\nA< {\"y\":6}", ""},
		{"session", "A connect\nA> {\"say\":[{\"$A.session\":1}]}\nA< {\"11111111-2222-3333-4444-555555555555\":1}", ""},
		{"limits and repetition", "A connect\nA>*$docs {\"say\":[{\"i\":\"$i\"}]}\nA< {\"i\":1}\nA< {\"i\":2}\nA< {\"i\":3}\nA~ 20ms", ""},
		{"fill and each", "A connect\nA> {\"say\":[$each(docs)<{\"k\":$k,\"f\":\"$fill(4)\"}>]}\nA< {\"k\":1,\"f\":\"xxxx\"}\nA< {\"k\":2}\nA< {\"k\":3}", ""},
		{"unknown value", "A connect\nA> {\"say\":[{\"y\":\"$nobody\"}]}", "no value is known as $nobody"},
		{"ops are split", "A connect\nA> {\"say\":[{\"type\":\"ops\",\"doc\":\"d\",\"ops\":[{\"offset\":1},{\"offset\":2}]}]}\nA< {\"ops\":[{\"offset\":1}]}\nA< {\"ops\":[{\"offset\":2}]}\nA in order", ""},
		{"out of order", "A connect\nA> {\"say\":[{\"type\":\"ack\",\"doc\":\"d\",\"actor\":\"a\",\"seq\":1,\"offset\":2},{\"type\":\"ops\",\"doc\":\"d\",\"ops\":[{\"offset\":1}]}]}\nA<... {\"type\":\"ops\"}\nA in order", "op at offset 1 came after op 0, ack 2"},
		{"ack goes back", "A connect\nA> {\"say\":[{\"type\":\"ack\",\"doc\":\"d\",\"actor\":\"a\",\"seq\":2,\"offset\":2},{\"type\":\"ack\",\"doc\":\"d\",\"actor\":\"a\",\"seq\":1,\"offset\":3}]}\nA<... {\"seq\":1}\nA in order", "ack of a:1 at offset 3 came after one of a:2"},
		{"after left", "A connect\nA> {\"say\":[{\"type\":\"left\",\"doc\":\"d\"},{\"type\":\"event\",\"doc\":\"d\"}]}\nA<... {\"type\":\"event\"}\nA in order", "of a document that was left"},
		{"not connected", "A> {}", "A is not connected"},
		{"refused", "A open as \"bad\" -> 401 \"{\\\"code\\\":\\\"unauthorized\\\"}\\n\"", ""},
		{"not refused", "A open -> 401", "status is 101, not 401"},
		{"protocol", "A open offering baton.v1 -> 101 Sec-WebSocket-Protocol:baton.v1", ""},
		{"no such token", "A connect as reader", `no token is called "reader"`},
		{"http", "POST /v1/echo {\"a\":[1]} -> 201 Baton-Format:json {\"a\":[1]}", ""},
		{"http status", "POST /v1/echo {} -> 200", "status is 201, not 200"},
		{"http field", "POST /v1/echo {} -> 201 Baton-Format:yjs", `field Baton-Format is "json", without "yjs"`},
		{"http octets", "PUT /v1/echo \"some bytes\" -> 201 Content-Type:application/octet-stream \"some bytes\"", ""},
		{"http lines", "POST /v1/echo Content-Type:application/x-ndjson \"{\\\"a\\\":1}\\n{\\\"a\\\":2}\\n\" -> 201 [{\"a\":1},{\"a\":2}]", ""},
		{"events", "E stream /v1/events\nE< {\"id\":\"e.1\",\"data\":{\"seq\":1}}\nE< {\"id\":\"e.2\",\"data\":{\"seq\":2}}", ""},
		{"no events", "E stream /v1/echo", "not an event stream"},
	} {
		t.Run(test.name, func(t *testing.T) {
			target, err := newTarget(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ds, err := parse("test.txt", "== Test\nR1: it goes like this\n"+test.text)
			if err != nil {
				t.Fatal(err)
			}
			got := target.speak(context.Background(), ds[0], "d")
			want := Pass
			if test.wrong != "" {
				want = Fail
			}
			if len(got) != 1 || got[0].status != want || !strings.Contains(got[0].note, test.wrong) {
				t.Errorf("got %v, want %s with %q", got, want, test.wrong)
			}
		})
	}
}

func TestWhatIsNoDialogue(t *testing.T) {
	for text, want := range map[string]string{
		"A connect":                      "no title before",
		"== T\nR1: c\nnonsense":          "t.txt:3: no statement",
		"== T\nA< {\"a\":":               "read pattern",
		"== T\nA~ soon":                  "invalid duration",
		"== T\nA! soon":                  "invalid syntax",
		"== T\nA jumps":                  "a connection cannot",
		"== T\nGET /v1/docs":             "needs \"-> ANSWER\"",
		"== T\nGET /v1/docs with -> 200": "no request has \"with\"",
	} {
		_, err := parse("t.txt", text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parse %q: got %v, want %q", text, err, want)
		}
	}
}

func TestReport(t *testing.T) {
	claims := [][]outcome{
		{{[]string{"R1", "R2"}, Pass, ""}, {[]string{"R3"}, Fail, "x.txt:7 why"}, {[]string{"R4"}, Blocked, "x.txt:7 why"}},
		{{[]string{"R1", "R3"}, Pass, ""}, {[]string{"R10"}, Skip, "no token"}},
	}
	var got strings.Builder
	for _, v := range verdicts(claims, map[string]string{"R2": "also there", "R5": "there"}) {
		write(&got, v)
	}
	want := `pass      R1
pass      R2
FAIL      R3    x.txt:7 why
BLOCKED   R4    x.txt:7 why
elsewhere R5    there
skip      R10   no token
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func TestMainSaysWhatFailed(t *testing.T) {
	cfg := fake(t)
	cfg.Wait, cfg.Parallel = 250*time.Millisecond, 64
	var out bytes.Buffer
	failed, err := Main(t.Context(), cfg, &out)
	if err != nil || failed == 0 || !strings.Contains(out.String(), "FAIL      R24   connect.txt:") {
		t.Errorf("got %d failed, error %v and\n%s\nfor a server that knows no rule", failed, err, out.String())
	}
	if _, err := Main(t.Context(), Config{URL: "http://127.0.0.1:1"}, &out); err == nil {
		t.Error("got no error for an address that is no WebSocket's")
	}
	if _, err := Main(t.Context(), Config{URL: "ws://127.0.0.1:1"}, &out); err == nil {
		t.Error("got no error for a server that is not there")
	}
}

func TestParseTokens(t *testing.T) {
	got, err := ParseTokens([]string{"a=b=c", "admin=x=y"})
	if err != nil || len(got) != 2 || got["writer"] != "a=b=c" || got["admin"] != "x=y" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range [][]string{{"one", "another"}, {"admin="}, {""}} {
		if got, err := ParseTokens(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}
