package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// abuseVariable makes this test program an abuser: "ADDR DOC TOKEN KIND…".
const abuseVariable = "BATON_TEST_ABUSE"

// abuser is somebody who has a right to be there and does what harm they can,
// by all means at once. It listens to nothing that it is told.
type abuser struct {
	addr, doc, token string
	did              atomic.Int64
	heard            atomic.Pointer[string] // the newest actor that wrote in the document
}

// elsewhere is an address that the honest do not have.
var elsewhere = &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}

var (
	dialer = &websocket.Dialer{NetDialContext: elsewhere.DialContext, HandshakeTimeout: 10 * time.Second}
	getter = &http.Client{Transport: &http.Transport{DialContext: elsewhere.DialContext}}
)

// abuses are what an abuser does, over and over.
var abuses = map[string]func(*abuser){
	"ops":       func(a *abuser) { a.flood(a.ops(1, 100)) },
	"large ops": func(a *abuser) { a.flood(a.ops(1, 700_000)) },
	"many ops":  func(a *abuser) { a.flood(a.ops(512, 100)) },
	"bad ops": func(a *abuser) {
		a.flood(func(int) string { return `{"type":"ops","doc":"` + a.doc + `","ops":[{"actor":"x","seq":0}]}` })
	},
	"forged ops": func(a *abuser) { a.flood(a.forged) },
	"presence": func(a *abuser) {
		a.flood(func(i int) string {
			return fmt.Sprintf(`{"type":"presence","doc":%q,"state":{"x":%d,"fill":%q}}`, a.doc, i, strings.Repeat("x", 10_000))
		})
	},
	"events": func(a *abuser) {
		a.flood(func(int) string {
			return fmt.Sprintf(`{"type":"event","doc":%q,"name":"boo","data":%q}`, a.doc, strings.Repeat("x", 10_000))
		})
	},
	"pings": func(a *abuser) { a.flood(func(int) string { return `{"type":"ping"}` }) },
	"joins": func(a *abuser) {
		a.flood(func(i int) string {
			return []string{`{"type":"leave","doc":"` + a.doc + `"}`, `{"type":"join","doc":"` + a.doc + `"}`}[i%2]
		})
	},
	"rooms": func(a *abuser) {
		a.flood(func(int) string { return fmt.Sprintf(`{"type":"join","doc":"guess-%d"}`, rand.Int()) })
	},
	"too large": func(a *abuser) {
		a.flood(func(int) string { return `{"type":"ping","x":"` + strings.Repeat("x", 2<<20) + `"}` })
	},
	"nonsense":   func(a *abuser) { a.flood(func(int) string { return strings.Repeat("[", 500_000) }) },
	"handshakes": func(a *abuser) { a.handshakes(a.token) },
	"tokens":     func(a *abuser) { a.handshakes("guess") },
	"sockets":    (*abuser).sockets,
	"reads":      (*abuser).reads,
	"slow heads": (*abuser).slowHeads,
}

// abuse does as it is told until it is killed.
func abuse(how string) {
	words := strings.SplitN(how, " ", 4)
	a := &abuser{addr: words[0], doc: words[1], token: words[2]}
	for kind := range strings.SplitSeq(words[3], ",") {
		for range 2 {
			go func() {
				for {
					abuses[kind](a)
				}
			}()
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test
	fmt.Println(a.did.Load())
	os.Exit(0)
}

func (a *abuser) dial(token string) *websocket.Conn {
	a.did.Add(1)
	ws, _, err := dialer.Dial("ws://"+a.addr+"/v1/ws", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return nil
	}
	return ws
}

// flood sends frame after frame, and reads, but does not listen, until it is
// thrown out.
func (a *abuser) flood(frame func(i int) string) {
	ws := a.dial(a.token)
	if ws == nil {
		return
	}
	defer ws.Close()
	go a.listen(ws)
	_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"join","doc":"`+a.doc+`"}`))
	for i := 0; ; i++ {
		a.did.Add(1)
		if ws.WriteMessage(websocket.TextMessage, []byte(frame(i))) != nil {
			return
		}
	}
}

// listen reads, and learns the names of others.
func (a *abuser) listen(ws *websocket.Conn) {
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if _, rest, ok := bytes.Cut(frame, []byte(`"actor":"b-`)); ok {
			name, _, _ := strings.Cut("b-"+string(rest), `"`)
			a.heard.Store(&name)
		}
	}
}

// ops makes frames of ops that would be taken.
func (a *abuser) ops(n, size int) func(int) string {
	actor := fmt.Sprintf("mallory-%d", rand.Int64())
	fill := strings.Repeat("x", size)
	return func(i int) string {
		var b bytes.Buffer
		fmt.Fprintf(&b, `{"type":"ops","doc":%q,"ops":[`, a.doc)
		for k := range n {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"actor":%q,"seq":%d,"payload":%q}`, actor, i*n+k+1, fill)
		}
		return b.String() + "]}"
	}
}

// forged writes in the name of others.
func (a *abuser) forged(i int) string {
	name := a.heard.Load()
	if name == nil {
		return `{"type":"ping"}`
	}
	return fmt.Sprintf(`{"type":"ops","doc":%q,"ops":[{"actor":%q,"seq":%d,"payload":1}]}`, a.doc, *name, 1+i%100)
}

func (a *abuser) handshakes(token string) {
	if ws := a.dial(token); ws != nil {
		ws.Close()
	}
}

// sockets holds as many connections as it gets.
func (a *abuser) sockets() {
	for range 1000 {
		if ws := a.dial(a.token); ws != nil {
			go func() { _, _ = io.Copy(io.Discard, ws.NetConn()) }()
			time.AfterFunc(10*time.Second, func() { ws.Close() })
		}
	}
}

// reads asks for the whole document, again and again.
func (a *abuser) reads() {
	a.did.Add(1)
	req, _ := http.NewRequest("GET", "http://"+a.addr+"/v1/docs/"+a.doc+"/ops", nil)
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := getter.Do(req)
	if err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// slowHeads opens a connection and never says what it wants.
func (a *abuser) slowHeads() {
	a.did.Add(1)
	c, err := elsewhere.Dial("tcp", a.addr)
	if err != nil {
		return
	}
	time.AfterFunc(30*time.Second, func() { c.Close() })
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nX-A: ")
}
