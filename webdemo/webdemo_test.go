package webdemo

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func handler(t *testing.T, cfg Config) http.Handler {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends a request with headers such as "Accept-Encoding: gzip".
func ask(t *testing.T, h http.Handler, method, target string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, response *http.Response) []byte {
	t.Helper()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plain returns the bytes of a file of the site.
func plain(t *testing.T, f file) []byte {
	t.Helper()
	if !f.gzipped {
		return f.data
	}
	r, err := gzip.NewReader(bytes.NewReader(f.data))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func embedded(t *testing.T) map[string]file {
	t.Helper()
	files, err := load(dist)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPages(t *testing.T) {
	h := handler(t, Config{})
	files := embedded(t)
	for target, page := range map[string]string{
		"/":                       "start.html",
		"/?x":                     "start.html",
		"/board/one-two":          "board.html",
		"/board/one-two?person=1": "board.html",
		"/board/one-two?split":    "split.html",
		"/board/one-two?split=1":  "split.html",
		"/board/one/":             "board.html",
		"/board/one/?split":       "split.html",
		"/board/M%C3%BCller":      "board.html",
		"/text/one-two":           "text.html",
		"/text/one./":             "text.html",
		"/text/one-two?split":     "text.html",
		"/status":                 "status.html",
		"/board.html":             "board.html",
		"/split.html":             "split.html",
	} {
		t.Run(target, func(t *testing.T) {
			got := ask(t, h, "GET", target)
			if got.StatusCode != 200 || !bytes.Equal(body(t, got), plain(t, files[page])) {
				t.Errorf("status %d, and it is not %s", got.StatusCode, page)
			}
			frames, ancestors := "'none'", "'none'"
			if page == "split.html" {
				frames = "'self'"
			}
			if page == "board.html" {
				ancestors = "'self'"
			}
			for name, want := range map[string]string{
				"Content-Type":               "text/html; charset=utf-8",
				"Cache-Control":              "no-cache",
				"Referrer-Policy":            "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin",
				"X-Content-Type-Options":     "nosniff",
				"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; " +
					"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; " +
					"frame-src " + frames + "; base-uri 'none'; form-action 'none'; frame-ancestors " + ancestors,
			} {
				if got := got.Header.Get(name); got != want {
					t.Errorf("%s\n got %s\nwant %s", name, got, want)
				}
			}
		})
	}
}

func TestFiles(t *testing.T) {
	h := handler(t, Config{})
	types := map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml", ".wasm": "application/wasm", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json",
	}
	for name, f := range embedded(t) {
		packed := ask(t, h, "GET", "/"+name, "Accept-Encoding: br, gzip")
		unpacked := ask(t, h, "GET", "/"+name)
		want := plain(t, f)
		if got := body(t, unpacked); unpacked.StatusCode != 200 || !bytes.Equal(got, want) {
			t.Errorf("%s: status %d, %d bytes, want %d", name, unpacked.StatusCode, len(got), len(want))
		}
		if encoding := packed.Header.Get("Content-Encoding"); (encoding == "gzip") != f.gzipped {
			t.Errorf("%s: encoded %q", name, encoding)
		}
		if got := plain(t, file{data: body(t, packed), gzipped: f.gzipped}); !bytes.Equal(got, want) {
			t.Errorf("%s: gzipped it is another file", name)
		}
		if got, want := unpacked.Header.Get("Content-Type"), types[path.Ext(name)]; want == "" || got != want {
			t.Errorf("%s: content type %q, want %q", name, got, want)
		}
		caching := "no-cache"
		if strings.HasPrefix(name, "assets/") {
			caching = "public, max-age=31536000, immutable"
		}
		if got := unpacked.Header.Get("Cache-Control"); got != caching {
			t.Errorf("%s: caching %q, want %q", name, got, caching)
		}
		if vary := unpacked.Header.Get("Vary") == "Accept-Encoding"; vary != f.gzipped {
			t.Errorf("%s: varies with the encoding: %v", name, vary)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"":                      false,
		"identity":              false,
		"br":                    false,
		"gzip":                  true,
		"GZIP":                  true,
		"deflate, gzip, br":     true,
		"gzip;q=0":              false,
		"gzip; q=0.000":         false,
		"gzip;Q=0, identity":    false,
		"gzip;q=0.5":            true,
		"identity, gzip ; q=1 ": true,
		"gzip;q=much":           false,
		"gzipped":               false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
		response := ask(t, handler(t, Config{}), "GET", "/", "Accept-Encoding: "+header)
		if got := response.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("%q: the page came gzipped: %v", header, got)
		}
	}
}

func TestUnchanged(t *testing.T) {
	h := handler(t, Config{})
	for _, target := range []string{"/", "/board/x", "/text/x", "/board/x?split", "/sw.js", "/icon.svg"} {
		first := ask(t, h, "GET", target)
		etag := first.Header.Get("ETag")
		for _, header := range []string{etag, `"other", ` + etag} {
			again := ask(t, h, "GET", target, "If-None-Match: "+header)
			if again.StatusCode != 304 || len(body(t, again)) > 0 {
				t.Errorf("%s with If-None-Match: %s: status %d", target, header, again.StatusCode)
			}
			for _, name := range []string{"ETag", "Cache-Control", "Vary", "Content-Security-Policy"} {
				if got, want := again.Header.Get(name), first.Header.Get(name); got != want {
					t.Errorf("%s, unchanged: %s is %q, want %q", target, name, got, want)
				}
			}
		}
		if changed := ask(t, h, "GET", target, `If-None-Match: W/"other"`); changed.StatusCode != 200 {
			t.Errorf("%s with another tag: status %d", target, changed.StatusCode)
		}
	}
}

func TestHead(t *testing.T) {
	h := handler(t, Config{})
	for _, target := range []string{"/", "/board/x", "/sw.js"} {
		for _, coding := range []string{"gzip", "identity"} {
			get := ask(t, h, "GET", target, "Accept-Encoding: "+coding)
			head := ask(t, h, "HEAD", target, "Accept-Encoding: "+coding)
			if head.StatusCode != 200 || len(body(t, head)) > 0 || !maps.EqualFunc(head.Header, get.Header, func(a, b []string) bool {
				return strings.Join(a, ",") == strings.Join(b, ",")
			}) {
				t.Errorf("%s as %s: status %d, %v, want %v", target, coding, head.StatusCode, head.Header, get.Header)
			}
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	h := handler(t, Config{})
	for _, target := range []string{
		"/nothing", "/board/", "/board/a/b", "/text/", "/assets/", "/assets/start-old.js",
		"/start.html.gz", "/dist/start.html", "/webdemo.go",
	} {
		got := ask(t, h, "GET", target)
		if said := string(body(t, got)); got.StatusCode != 404 || said != "there is nothing at "+target+"\n" {
			t.Errorf("%s: status %d, %q", target, got.StatusCode, said)
		}
		if kind := got.Header.Get("Content-Type"); kind != "text/plain; charset=utf-8" {
			t.Errorf("%s: content type %q", target, kind)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		for _, target := range []string{"/", "/board/x", "/addresses.json", "/icon.svg"} {
			if got := ask(t, h, method, target); got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: status %d, allowed %q", method, target, got.StatusCode, got.Header.Get("Allow"))
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	for want, addresses := range map[string][]string{
		`{"addresses":[]}`:                       nil,
		`{"addresses":["http://10.0.0.7:8080"]}`: {"http://10.0.0.7:8080"},
	} {
		got := ask(t, handler(t, Config{Addresses: addresses}), "GET", "/addresses.json")
		if said := string(body(t, got)); got.StatusCode != 200 || said != want {
			t.Errorf("status %d, got %s, want %s", got.StatusCode, said, want)
		}
		if caching := got.Header.Get("Cache-Control"); caching != "no-store" {
			t.Errorf("caching %q", caching)
		}
	}
}

// TestSiteIsWhole looks for every file that a page, a style sheet, the manifest
// or the service worker names.
func TestSiteIsWhole(t *testing.T) {
	files := embedded(t)
	named := regexp.MustCompile("(?:href=|src=|url\\(|\"src\": ?|[\\[,])[\"'`]?(/[\\w./-]+\\.\\w+)[\"'`)]")
	var listed int
	for name, f := range files {
		if ext := path.Ext(name); ext != ".html" && ext != ".css" && ext != ".webmanifest" && name != "sw.js" {
			continue
		}
		found := named.FindAllStringSubmatch(string(plain(t, f)), -1)
		for _, match := range found {
			if _, ok := files[match[1][1:]]; !ok {
				t.Errorf("%s names %s, which is not there", name, match[1])
			}
		}
		switch {
		case name == "sw.js":
			listed = len(found)
		case path.Ext(name) == ".html" && len(found) < 3:
			t.Errorf("%s names %d files: a page has an icon, a manifest and a script", name, len(found))
		}
	}
	if listed != len(files)-1 {
		t.Errorf("sw.js lists %d files of %d besides itself", listed, len(files)-1)
	}
}

func TestSiteAsksNoOtherHost(t *testing.T) {
	for name, f := range embedded(t) {
		if bytes.Contains(plain(t, f), []byte("esm.sh")) {
			t.Errorf("%s mentions esm.sh", name)
		}
	}
}

// TestSiteIsSmall bounds what the site adds to the binary.
func TestSiteIsSmall(t *testing.T) {
	size := 0
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += int(info.Size())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > 2_500_000 || size == 0 {
		t.Errorf("the packed site has %d bytes, want at most 2500000", size)
	}
}

func TestDamagedFile(t *testing.T) {
	s := &site{files: map[string]file{"start.html": {data: []byte("no gzip"), gzipped: true, contentType: "text/html", etag: `W/"1"`}}}
	w := httptest.NewRecorder()
	s.serve(w, httptest.NewRequest("GET", "/", nil), "start.html")
	if got := w.Body.String(); w.Code != 500 || got != "the embedded site is damaged\n" {
		t.Errorf("status %d, %q", w.Code, got)
	}
	w = httptest.NewRecorder()
	s.serve(w, httptest.NewRequest("GET", "/text/x", nil), "text.html")
	if got := w.Body.String(); w.Code != 404 || got != "this binary was built without text.html\n" {
		t.Errorf("status %d, %q", w.Code, got)
	}
}

// TestStatusPageIsSmall bounds what the status page loads: it is looked at when
// something is wrong, over whatever network is left.
func TestStatusPageIsSmall(t *testing.T) {
	files := embedded(t)
	scripts, styles := 0, 0
	loaded := regexp.MustCompile(`(?:src|href)="/(assets/[^"]+)"`).FindAllSubmatch(plain(t, files["status.html"]), -1)
	for _, m := range loaded {
		name := string(m[1])
		f, ok := files[name]
		switch {
		case !ok:
			t.Errorf("%s is not there", name)
		case strings.HasSuffix(name, ".js"):
			scripts += len(f.data)
			if bytes.Contains(plain(t, f), []byte("react")) {
				t.Errorf("%s holds React", name)
			}
		default:
			styles += len(f.data)
		}
	}
	t.Logf("%d bytes of scripts, %d of styles", scripts, styles)
	if scripts == 0 || scripts > 8_000 {
		t.Errorf("the status page loads %d bytes of scripts, want at most 8000", scripts)
	}
	if styles == 0 || styles > 4_000 {
		t.Errorf("the status page loads %d bytes of styles, want at most 4000", styles)
	}
}
