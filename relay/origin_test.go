package relay

import (
	"strings"
	"testing"
)

// What no browser sends is no setting, and is refused with what to write instead;
// the rest is kept as browsers send it.
func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"*":                                  "*",
		"null":                               "null",
		"https://app.example.com":            "https://app.example.com",
		"https://App.Example.com/":           "https://app.example.com",
		"https://app.example.com:443":        "https://app.example.com",
		"http://app.example.com:80/":         "http://app.example.com",
		"http://app.example.com:443":         "http://app.example.com:443",
		"https://app.example.com:08443":      "https://app.example.com:8443",
		"http://localhost:3000":              "http://localhost:3000",
		"http://[0:0:0:0:0:0:0:1]:3000":      "http://[::1]:3000",
		"https://müller.example":             "https://xn--mller-kva.example",
		"capacitor://localhost":              "capacitor://localhost",
		"chrome-extension://abcdefgh":        "chrome-extension://abcdefgh",
		"https://*.example.com":              "https://*.example.com",
		"https://*.Example.com:443/":         "https://*.example.com",
		"https://*.example.com:8443":         "https://*.example.com:8443",
		"https://*.münchen.example.de":       "https://*.xn--mnchen-3ya.example.de",
		"http://*.localhost:3000":            "http://*.localhost:3000",
		"https://*.internal":                 "https://*.internal",
		"example.com":                        `! it needs a scheme, as in https://app.example.com`,
		"":                                   `! "" is no origin`,
		"localhost:3000":                     "! it needs a scheme",
		"//app.example.com":                  "! ",
		"https://":                           "! names no host",
		"https://:443":                       "! names no host",
		"https://x:443/path":                 "! only https://x:443",
		"https://x/?q":                       "! no path, query or user",
		"https://x#part":                     "! no path, query or user",
		"https://user:password@app.example":  "! no path, query or user",
		"https://x:0":                        "! there is no port 0",
		"https://x:65536":                    "! there is no port 65536",
		"https://x:http":                     "! invalid port",
		"https://two words":                  "! invalid character",
		"file://":                            "! have the origin null",
		"file:///home/me/page.html":          "! have the origin null",
		"wss://app.example.com":              "! begins with http:// or https://",
		"blob:https://app.example.com":       "! names no host",
		"https://*":                          "! * may stand alone",
		"https://*.":                         "! names no host",
		"https://app.*.example.com":          "! * may stand alone",
		"https://*app.example.com":           "! * may stand alone",
		"https://*.*.example.com":            "! * may stand alone",
		"*.example.com":                      "! it needs a scheme",
		"*://app.example.com":                "! first path segment",
		"https://*.com":                      "! anybody can get a name below com",
		"https://*.co.uk":                    "! anybody can get a name below co.uk",
		"https://*.github.io":                "! anybody can get a name below github.io",
		"https://*.0.0.1":                    "! no names below an address",
		"https://*.127.0.0.1":                "! no names below an address",
		"https://*.[::1]":                    "! ",
		"https://*.example.com/path":         "! no path, query or user",
		"https://a.example, https://b.other": "! ",
	} {
		o, err := ParseOrigin(text)
		if part, bad := strings.CutPrefix(want, "! "); bad {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q: got %v, %v; want an error with %q", text, o, err, part)
			}
			continue
		}
		if err != nil || o.String() != want {
			t.Errorf("%q: got %q, %v; want %q", text, o, err, want)
		}
		if again, err := ParseOrigin(o.String()); again != o || err != nil {
			t.Errorf("%q: read again, it is %v, %v", text, again, err)
		}
	}
}

// Whatever is read is read again as the same, and never takes an origin for
// another's: one that is allowed has the same scheme, and a name that ends alike.
func FuzzParseOrigin(f *testing.F) {
	for _, text := range []string{"*", "null", "https://app.example.com:443/", "https://*.example.com", "http://[::1%25x]:80", "https://MÜLLER.example"} {
		f.Add(text, "https://a.example.com")
	}
	f.Fuzz(func(t *testing.T, text, page string) {
		o, err := ParseOrigin(text)
		if err != nil {
			return
		}
		if again, err := ParseOrigin(o.String()); err != nil || again != o {
			t.Fatalf("%q is %q, and that %q, %v", text, o, again, err)
		}
		p, err := parseOrigin(page)
		if err != nil || o.every || !o.allows(p) {
			return
		}
		if p.scheme != o.scheme || p.port != o.port || !strings.HasSuffix(p.host, o.host) || !o.below && p.host != o.host {
			t.Fatalf("%q lets in %q", o, p)
		}
	})
}
