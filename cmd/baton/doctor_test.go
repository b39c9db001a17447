package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog/bolt"
)

// examined returns what the checks look at with these flags.
func examined(t *testing.T, args ...string) *examination {
	t.Helper()
	k, all := mustParse(t, args...)
	return &examination{Settings: &k.Settings, all: all, http: &http.Client{Timeout: patience}, skew: 30 * time.Second}
}

// wantFound asks for a finding of a state that says so, with what to do unless
// all is well.
func wantFound(t *testing.T, found []finding, want state, says string) {
	t.Helper()
	for _, f := range found {
		if (f.State == stateOK) != (f.Do == "") {
			t.Errorf("%+v: what to do belongs to what is not well, and only there", f)
		}
	}
	for _, f := range found {
		if f.State == want && strings.Contains(f.Says, says) {
			return
		}
	}
	t.Errorf("got %+v, want %s with %q", found, want, says)
}

func wantNone(t *testing.T, found []finding, unwanted state) {
	t.Helper()
	for _, f := range found {
		if f.State == unwanted {
			t.Errorf("got %+v, want nothing of %s", f, unwanted)
		}
	}
}

func TestDoctorFolder(t *testing.T) {
	look := func(dir string) []finding { return checkFolder(t.Context(), examined(t, "--data="+dir)) }
	dir := filepath.Join(t.TempDir(), "data")
	wantFound(t, look(filepath.Join(dir, "deeper")), stateOK, "can be made")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	wantFound(t, look(dir), stateOK, "is this user's alone")
	wantNone(t, look(dir), stateFail)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	wantFound(t, look(dir), stateWarn, "every user of this machine may enter")

	plain := filepath.Join(dir, "plain")
	rewrite(t, plain, nil)
	wantFound(t, look(plain), stateFail, "is none")
	wantFound(t, look(filepath.Join(plain, "data")), stateFail, "not a directory")

	if os.Geteuid() == 0 { // to whom no folder is closed, but who can give one away
		if err := os.Chown(dir, 12345, -1); err != nil {
			t.Fatal(err)
		}
		wantFound(t, look(dir), stateWarn, "belongs to user 12345")
		return
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	wantFound(t, look(dir), stateFail, "may not write")
	wantFound(t, look(filepath.Join(dir, "deeper")), stateFail, "may not make it")
}

// A file system in memory is told of, and one that is full.
func TestDoctorVolume(t *testing.T) {
	d, err := smallFileSystem(t)
	if err != nil {
		t.Logf("no small file system (%v): /dev/shm is one in memory", err)
		wantFound(t, checkVolume("/dev/shm"), stateWarn, "it is memory")
		return
	}
	wantFound(t, checkVolume(d.dir), stateWarn, "the file system is tmpfs: it is memory")
	wantFound(t, checkVolume(d.dir), stateFail, "2048 KiB are free")
	if err := os.WriteFile(filepath.Join(d.dir, "rest"), make([]byte, 4<<20), 0o600); err == nil {
		t.Fatal("it is not full")
	}
	wantFound(t, checkSyncs(t.Context(), examined(t, "--data="+d.dir)), stateFail, "no space left on device")
}

func TestDoctorLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "oplog.db")
	look := func(args ...string) []finding {
		return checkLog(t.Context(), examined(t, append(args, "--data="+dir)...))
	}
	wantFound(t, look(), stateOK, "there is none yet")
	rewrite(t, path, nil)
	wantFound(t, look(), stateFail, "is empty: what it held is lost")
	rewrite(t, path, []byte(strings.Repeat("no log at all. ", 1000)))
	wantFound(t, look(), stateFail, "is not a log of this program")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	log, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := look("--listen=127.0.0.1:1")
	wantFound(t, found, stateWarn, "none answers at 127.0.0.1:1")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	wantFound(t, look(), stateOK, "opens (")

	p := start(t, dir, nil, "--drain-delay=1h")
	wantFound(t, look("--listen="+p.addr), stateOK, "a running relay has it open (process ")
	wantFound(t, checkAddresses(t.Context(), examined(t, "--listen="+p.addr)), stateOK, "is a running relay's")
	p.terminate(t)
	await(t, "/readyz to say no", func() bool { status, _ := p.get(t, "/readyz"); return status == 503 })
	wantFound(t, look("--listen="+p.addr), stateFail, "/readyz there answers 503")
	p.kill()
	wantFound(t, look(), stateOK, "opens (")
}

// Measured here, and judged by what was measured elsewhere.
func TestDoctorSyncs(t *testing.T) {
	dir := t.TempDir()
	took, err := measureSyncs(t.Context(), dir, 100*time.Millisecond)
	if err != nil || len(took) == 0 {
		t.Fatalf("got %v, %v", took, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	repeat := func(d, last time.Duration) []time.Duration {
		var list []time.Duration
		for range 90 {
			list = append(list, d)
		}
		return append(list, last, last)
	}
	ms := time.Millisecond
	for _, test := range []struct {
		took []time.Duration
		want state
		says string
	}{
		{repeat(ms, 2*ms), stateOK, "1ms (p50), 2ms (p99), 2ms (max of 92)"},
		{repeat(ms, 30*ms), stateWarn, "30ms (p99)"},
		{repeat(ms, 300*ms), stateFail, "300ms (p99)"},
		{repeat(10*time.Microsecond, ms), stateWarn, "may not be on the disk at all"},
	} {
		wantFound(t, judgeSyncs(test.took), test.want, test.says)
	}
}

func TestDoctorAddresses(t *testing.T) {
	look := func(args ...string) []finding { return checkAddresses(t.Context(), examined(t, args...)) }
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	addr := taken.Listener.Addr().String()
	wantFound(t, look("--listen=127.0.0.1:0"), stateOK, "listen 127.0.0.1:0 can be listened on")
	wantFound(t, look("--listen="+addr), stateFail, "is taken, not by a relay")
	wantFound(t, look("--listen=127.0.0.1:0", "--metrics-listen="+addr), stateFail, "metrics-listen "+addr+" is taken")
	wantFound(t, look("--listen=192.0.2.1:0"), stateFail, "cannot assign requested address")
	for listen, want := range map[string]string{":8080": "localhost:8080", "0.0.0.0:1": "localhost:1", "[::]:1": "localhost:1", "10.0.0.1:1": "10.0.0.1:1"} {
		if got := localAddress(listen); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
}

func TestDoctorFiles(t *testing.T) {
	dir := t.TempDir()
	ca := issue(t, nil, soon)
	cert, key := pems(t, issue(t, ca, soon, "a"))
	tokens := []byte(`{"tokens":[]}`)
	for i, test := range []struct {
		name string
		data []byte
		mode os.FileMode
		want state
		says string
	}{
		{"tokens.json", tokens, 0o600, stateOK, "is JSON (-rw-------)"},
		{"tokens.json", tokens, 0o640, stateOK, "is JSON"},
		{"tokens.json", tokens, 0o644, stateWarn, "every user of this machine may read it"},
		{"tokens.json", tokens[1:], 0o600, stateFail, "is no JSON"},
		{"tokens.json", nil, 0o600, stateFail, "is empty"},
		{"secret", []byte("x"), 0o600, stateOK, "is something secret"},
		{"secret", []byte("x"), 0o604, stateWarn, "is something secret"},
		{"cert.pem", cert, 0o644, stateOK, "is a certificate"},
		{"cert.pem", cert, 0o646, stateFail, "may change"},
		{"key.pem", key, 0o600, stateOK, "is a private key"},
		{"key.pem", key, 0o644, stateWarn, "is a private key"},
		{"key.pem", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600, stateFail, "asn1"},
	} {
		path := filepath.Join(dir, test.name)
		rewrite(t, path, test.data)
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		found := checkFiles(t.Context(), examined(t, "--secrets="+path))
		if wantFound(t, found, test.want, test.says); len(found) != 1 {
			t.Errorf("%d: got %+v, want one finding", i, found)
		}
	}
	wantFound(t, checkFiles(t.Context(), examined(t, "--tokens="+dir+"/none")), stateFail, "tokens stat "+dir+"/none: no such file")
}

// What serve does to know who may enter is tried.
func TestDoctorAccess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	rewrite(t, path, []byte(`{"tokens":[{"token":"t"}]}`))
	wantFound(t, checkAccess(t.Context(), examined(t, "--tokens="+path)), stateFail, `token 1 (subject ""): "subject" must have`)
	rewrite(t, path, []byte(`{"tokens":[]}`))
	wantFound(t, checkAccess(t.Context(), examined(t, "--tokens="+path)), stateOK, "by the tokens in "+path)
}

func TestDoctorCertificate(t *testing.T) {
	ca := issue(t, nil, soon)
	day := 24 * time.Hour
	for _, test := range []struct {
		until time.Duration
		names []string
		want  state
		says  string
	}{
		{90*day + time.Hour, []string{"a.example", "127.0.0.1"}, stateOK, "for a.example, 127.0.0.1, 90 days more"},
		{20*day + time.Hour, []string{"a"}, stateWarn, "it ends in 20 days"},
		{-3*day - time.Hour, []string{"a"}, stateFail, "it ended 3 days ago"},
		{400 * day, []string{"a"}, stateFail, "it is valid from"},
		{90 * day, nil, stateFail, "it names nobody"},
	} {
		files := writePair(t, issue(t, ca, time.Now().Add(test.until), test.names...))
		found := checkCertificate(t.Context(), examined(t, files.flags()...))
		wantFound(t, found, test.want, test.says)
	}
	one, other := writePair(t, issue(t, ca, soon, "a")), writePair(t, issue(t, ca, soon, "a"))
	wantFound(t, checkCertificate(t.Context(), examined(t, "--tls-cert="+one.cert, "--tls-key="+other.key)), stateFail, "does not match")
	if found := checkCertificate(t.Context(), examined(t)); len(found) > 0 {
		t.Errorf("without TLS: got %+v", found)
	}
}

func TestDoctorURLs(t *testing.T) {
	status, apart := 200, time.Duration(0)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(apart).UTC().Format(http.TimeFormat))
		w.WriteHeader(status)
	}))
	look := func() []finding {
		t.Helper()
		found := checkURLs(t.Context(), examined(t, "--ask="+s.URL+"/hidden?code=hidden"))
		for _, f := range found {
			if strings.Contains(f.String(), "hidden") {
				t.Errorf("doctor says %q, which has a secret in it", f)
			}
		}
		return found
	}
	wantFound(t, look(), stateOK, "ask "+s.URL+" answers 200")
	status = 405
	wantFound(t, look(), stateWarn, "answers a GET with 405")
	status = 502
	wantFound(t, look(), stateWarn, "answers 502")
	status, apart = 200, -time.Minute
	wantFound(t, look(), stateFail, "this one are 1m")
	apart = 10 * time.Second
	wantFound(t, look(), stateOK, "answers 200")
	s.Close()
	wantFound(t, look(), stateFail, "does not answer")
}

// The limit of open files is that of the process that asks.
func TestDoctorFileLimit(t *testing.T) {
	for _, test := range []struct {
		limit, sessions, want string
	}{
		{"300", "236", "fail open files: 300, so about 236 sessions → LimitNOFILE="},
		{"600", "100", "warn open files: 600, so about 525 sessions → LimitNOFILE="},
		{"600", "0", "fail open files: 600, so about 525 sessions; --max-sessions allows more"},
	} {
		p := runWrapped(t, []string{"/bin/sh", "-c", "ulimit -n " + test.limit + ` && exec "$@"`, "sh"},
			"doctor", "--listen=127.0.0.1:0", "--data="+t.TempDir(), "--max-sessions="+test.sessions)
		if !strings.Contains(p.stdout, test.want) || strings.HasPrefix(test.want, "fail") && (p.code != 1 || !strings.Contains(p.stderr, "to be mended")) {
			t.Errorf("ulimit -n %s, --max-sessions %s: got %d,\n%s%swant %q", test.limit, test.sessions, p.code, p.stdout, p.stderr, test.want)
		}
	}
	wantFound(t, checkFileLimit(t.Context(), examined(t)), stateOK, "sessions")
}

func TestDoctorClock(t *testing.T) {
	wantNone(t, checkClock(t.Context(), nil), stateFail)
	wantFound(t, judgeSteady(time.Second, 1100*time.Millisecond), stateOK, "steadily")
	wantFound(t, judgeSteady(time.Second, -time.Hour), stateWarn, "it jumped by -1h0m1s")
	now := time.Now()
	wantFound(t, checkSteady(now, now.Add(time.Second)), stateOK, "steadily for the 1s")
}

// The least limit of the control groups above counts.
func TestDoctorMemory(t *testing.T) {
	root := t.TempDir()
	self := filepath.Join(root, "self")
	rewrite(t, self, []byte("1:cpu:/other\n0::/system.slice/baton.service\n"))
	if got := groupLimit(self, root); got != 0 {
		t.Errorf("without limits: got %d, want 0", got)
	}
	below := filepath.Join(root, "system.slice", "baton.service")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(below, "memory.max"), []byte("max\n"))
	rewrite(t, filepath.Join(root, "system.slice", "memory.max"), []byte("268435456\n"))
	if got := groupLimit(self, root); got != 256<<20 {
		t.Errorf("got %d, want the 256 MiB of the slice", got)
	}
	rewrite(t, filepath.Join(below, "memory.max"), []byte("67108864\n"))
	if got := groupLimit(self, root); got != 64<<20 {
		t.Errorf("got %d, want the 64 MiB of the service", got)
	}
	wantFound(t, checkMachine(t.Context(), nil), stateOK, "processors")
	p := runWrapped(t, []string{"env", "GOMEMLIMIT=9000GiB"}, "doctor", "--listen=127.0.0.1:0", "--data="+t.TempDir())
	if !strings.Contains(p.stdout, "and GOMEMLIMIT is 9000 GiB → take GOMEMLIMIT below that") {
		t.Errorf("got\n%s", p.stdout)
	}
}

// The command prints a line a check, or JSON, and ends with 1 if something failed.
func TestDoctorCommand(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	good := runWrapped(t, nil, "doctor", "--listen=127.0.0.1:0", "--data="+dir)
	for line := range strings.Lines(good.stdout) {
		state, _, ok := strings.Cut(line, " ")
		if !ok || state != "ok" && state != "warn" && state != "fail" || (state == "ok") == strings.Contains(line, " → ") {
			t.Errorf("got the line %q", line)
		}
	}
	if strings.Contains(good.stdout, "\nfail ") != (good.code == 1) { // a disk may be slow
		t.Errorf("got %d\n%s%s", good.code, good.stdout, good.stderr)
	}
	for _, args := range [][]string{
		{"--listen=" + l.Addr().String()}, {"--listen=127.0.0.1:0", "--max-frame=1"},
	} {
		got := runWrapped(t, nil, append([]string{"doctor", "--json", "--data=" + dir}, args...)...)
		var found []finding
		if err := json.Unmarshal([]byte(got.stdout), &found); err != nil || got.code != 1 || len(found) < len(checks)-3 {
			t.Errorf("%v: got %d, %v\n%s%s", args, got.code, err, got.stdout, got.stderr)
		}
		wantFound(t, found, stateFail, map[bool]string{true: "is taken", false: "--max-frame must be"}[len(args) == 1])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if took, err := measureSyncs(ctx, dir, time.Hour); err != nil || len(took) > 1 {
		t.Errorf("interrupted: got %d, %v", len(took), err)
	}
}
