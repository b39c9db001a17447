// Package webdemo serves what people see: a start page, the whiteboard, the
// text page and the status page, built beforehand and embedded. It knows nothing of documents: the
// pages talk to the relay as any client does. Nothing that it serves asks
// another host for anything.
package webdemo

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// dist is the built site; what shrinks by it lies there gzipped, as NAME.gz.
//
//go:embed all:dist
var dist embed.FS

// Config says what the pages cannot find out by themselves.
type Config struct {
	// Addresses is where other machines reach this server, such as
	// http://192.168.0.7:8080. Empty: it listens on loopback only.
	Addresses []string
}

// file is one file of the site. It never changes.
type file struct {
	data        []byte // as it is sent, gzipped if gzipped is set
	gzipped     bool
	contentType string
	etag        string
}

// site serves the files. It never changes.
type site struct {
	files     map[string]file // by name, such as board.html
	addresses []byte
}

// New returns the handler of everything but the protocol. It fails only if the
// embedded site is damaged.
func New(cfg Config) (http.Handler, error) {
	files, err := load(dist)
	if err != nil {
		return nil, fmt.Errorf("load embedded site: %w", err)
	}
	addresses, err := json.Marshal(map[string][]string{"addresses": append([]string{}, cfg.Addresses...)})
	if err != nil {
		return nil, fmt.Errorf("encode addresses: %w", err)
	}
	s := &site{files: files, addresses: addresses}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page("start.html"))
	for _, end := range []string{"", "/{$}"} { // people end links with a slash, and mean the same
		mux.HandleFunc("GET /board/{name}"+end, s.board)
		mux.HandleFunc("GET /text/{name}"+end, s.page("text.html"))
	}
	mux.HandleFunc("GET /status", s.page("status.html"))
	mux.HandleFunc("GET /addresses.json", s.serveAddresses)
	mux.HandleFunc("GET /{file...}", s.file)
	return mux, nil
}

func load(dist fs.FS) (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		name, gzipped := strings.CutSuffix(strings.TrimPrefix(name, "dist/"), ".gz")
		sum := sha256.Sum256(data)
		files[name] = file{data, gzipped, contentType(name), `W/"` + hex.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	return files, err
}

// contentType does not ask the machine's tables, which differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".wasm":
		return "application/wasm"
	case ".woff2":
		return "font/woff2"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return "application/octet-stream"
}

func (s *site) page(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, name) }
}

func (s *site) board(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("split") {
		s.serve(w, r, "split.html")
		return
	}
	s.serve(w, r, "board.html")
}

func (s *site) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if _, ok := s.files[name]; !ok {
		http.Error(w, "there is nothing at "+r.URL.Path, http.StatusNotFound)
		return
	}
	s.serve(w, r, name)
}

// serve sends a file of the site as it is embedded, or gunzips it for the rare
// client that does not take it so.
func (s *site) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := s.files[name]
	if !ok {
		http.Error(w, "this binary was built without "+name, http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") { // their names change with what is in them
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.HasPrefix(f.contentType, "text/html") {
		secure(h, name)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	if f.gzipped {
		h.Set("Vary", "Accept-Encoding")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) { // it may be one of several
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if f.gzipped {
		if !acceptsGzip(r.Header.Get("Accept-Encoding")) {
			s.gunzip(w, r, f)
			return
		}
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(f.data)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.data) // a browser that went away misses nothing
	}
}

func (s *site) gunzip(w http.ResponseWriter, r *http.Request, f file) {
	plain, err := gzip.NewReader(bytes.NewReader(f.data))
	if err != nil {
		http.Error(w, "the embedded site is damaged", http.StatusInternalServerError)
		return
	}
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, plain) //nolint:gosec // our own bytes
	}
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3).
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, given := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !given || err == nil && weight > 0
	}
	return false
}

// secure sets what a page may do: nothing but what comes from here. Automerge is
// WebAssembly, and editors set styles by script.
func secure(h http.Header, name string) {
	frames, ancestors := "'none'", "'none'"
	switch name {
	case "split.html":
		frames = "'self'"
	case "board.html": // two of them stand side by side in split.html
		ancestors = "'self'"
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "+
		"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "+
		"frame-src "+frames+"; base-uri 'none'; form-action 'none'; frame-ancestors "+ancestors)
	h.Set("Referrer-Policy", "no-referrer") // a document's name is what lets one in
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

func (s *site) serveAddresses(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(s.addresses)
}
