package webhook

import (
	"encoding/base64"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const otherSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazf4lLcd2vQ="

// The example of the specification.
func TestSignatureOfTheSpecification(t *testing.T) {
	keys, err := parseSecrets([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	got := signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What is sent passes the library that receivers use, with either of two
// secrets, and not when a byte of it is another.
func TestReceiversCanVerify(t *testing.T) {
	b := newBackend(t, nil)
	q, _ := start(t, file(t), Options{URLs: []string{b.serve()}, Secrets: openSecrets(t, "# the old one", testSecret, "", otherSecret)}, nil)
	q.Put(Event{Type: Created, Doc: "notes-1", Epoch: "e", Format: "json", By: `<ä "b">`})
	a := b.await(1)[0]
	for _, secret := range []string{testSecret, otherSecret} {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(a.text, a.header); err != nil {
			t.Errorf("%s does not verify %s with %v: %v", secret, a.text, a.header, err)
		}
		if err := verifier.Verify(append(a.text, ' '), a.header); err == nil {
			t.Errorf("%s verifies another body", secret)
		}
		other := a.header.Clone()
		other.Set("webhook-id", a.id()+"0")
		if err := verifier.Verify(a.text, other); err == nil {
			t.Errorf("%s verifies another id", secret)
		}
	}
	verifier, _ := standardwebhooks.NewWebhook("whsec_" + strings.Repeat("A", 32))
	if err := verifier.Verify(a.text, a.header); err == nil {
		t.Error("a secret that is not in the file verifies")
	}
}

// Keys change without a restart, and a slip of the editor takes none away.
func TestSecretsAreReadAgain(t *testing.T) {
	path := secretFile(t, testSecret)
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, nil)
		s, err := OpenSecrets(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q, said := start(t, file(t), Options{URLs: []string{"http://backend"}, Secrets: s}, b)
		s.log = q.opts.Logger
		count := func(content string) int {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			q.Put(Event{Type: Active, Doc: "d"})
			synctest.Wait()
			got := b.got()
			return len(strings.Fields(got[len(got)-1].header.Get("webhook-signature")))
		}
		if got := count(testSecret + "\n" + otherSecret + "\n"); got != 2 {
			t.Errorf("got %d signatures, want 2", got)
		}
		if got := count("whsec_short\n"); got != 2 || strings.Count(said.String(), "not taken") != 1 || strings.Contains(said.String(), "whsec_short") {
			t.Errorf("got %d signatures and said %s; want 2, and one line without the secret", got, said)
		}
		if got := count(otherSecret); got != 1 {
			t.Errorf("got %d signatures, want 1", got)
		}
	})
}

func TestSecretsThatMakeNoSense(t *testing.T) {
	for name, content := range map[string]string{
		"line 1":  base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"line 2":  testSecret + "\nwhsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)),
		"line 3":  "\n#\nwhsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)),
		"no line": "# nothing\n\n",
		"line 4":  "\n\n\nwhsec_%%%",
	} {
		_, err := OpenSecrets(secretFile(t, content), nil)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "openssl rand") {
			t.Errorf("%q: got %v, want %s and how to make one", content, err, name)
		}
	}
	if _, err := OpenSecrets("/nowhere/at/all", nil); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestCheckURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://app.example.com/hooks?x=1": "",
		"http://localhost:3000/":            "",
		"http://127.0.0.1/":                 "",
		"http://[::1]:80/":                  "",
		"http://app.example.com/":           "take https",
		"http://10.0.0.1/":                  "take https",
		"http://localhost.example.com/":     "take https",
		"ftp://app.example.com/":            "must be like",
		"app.example.com":                   "must be like",
		"https://":                          "must be like",
		"https://app.example.com/#part":     "must be like",
		"https://app.example.com/s3cret%zz": "cannot be read",
	} {
		err := CheckURL(url, false)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
	}
	if err := CheckURL("http://app.example.com/", true); err != nil {
		t.Errorf("got %v where it is allowed", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                     0,
		"7":                    7 * time.Second,
		"-7":                   0,
		"soon":                 0,
		"4000000000":           maxRetryAfter,
		"99999999999999999999": 0,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// A notice that somebody recorded is of no use later, or with another time on it:
// what was signed is too old for the receiver's library, or is not what was signed.
func TestReplayedNotice(t *testing.T) {
	secret := secretFile(t, testSecret)
	synctest.Test(t, func(t *testing.T) {
		s, err := OpenSecrets(secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := newBackend(t, nil)
		q, _ := start(t, file(t), Options{URLs: []string{"http://backend"}, Secrets: s}, b)
		q.Put(Event{Type: Created, Doc: "notes-1", Epoch: "e", Format: "json"})
		synctest.Wait()
		recorded := b.got()[0]
		verifier, err := standardwebhooks.NewWebhook(testSecret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(recorded.text, recorded.header); err != nil {
			t.Fatalf("at once: %v", err)
		}
		time.Sleep(6 * time.Minute)
		if err := verifier.Verify(recorded.text, recorded.header); err == nil {
			t.Error("six minutes later it is taken again")
		}
		fresh := recorded.header.Clone()
		fresh.Set("webhook-timestamp", strconv.FormatInt(time.Now().Unix(), 10))
		if err := verifier.Verify(recorded.text, fresh); err == nil {
			t.Error("with a new time on it, it is taken again")
		}
	})
}
