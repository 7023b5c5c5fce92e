package gateway

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

//go:generate go run ../../deploy/webbuild -root ../..

// bundle is the dashboard as deploy/webbuild has made it of web.
//
//go:embed dist
var bundle embed.FS

// pageName is the file that is served at the root; the others are named in it.
const pageName = "index.html"

// pagePolicy lets the page load its own files and talk to this gateway, and nothing
// else: no script or style in the markup, no frame around it, no markup out of text.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// pageTypes are the content types of the files, by how their names end.
var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is a file of the dashboard, ready to be sent.
type asset struct {
	contentType, etag string
	plain, zipped     []byte
}

// dashboard is the page and the files that it loads, by a name that changes whenever
// the content does.
type dashboard struct {
	page  asset
	files map[string]asset
}

// newDashboard makes the files of the bundle ready.
func newDashboard() (*dashboard, error) {
	d := &dashboard{files: make(map[string]asset)}
	page, err := bundle.ReadFile("dist/" + pageName)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "read the dashboard", err)
	}
	entries, err := bundle.ReadDir("dist")
	if err != nil {
		return nil, fault.New(fault.InternalBug, "read the dashboard", err)
	}
	for _, e := range entries {
		if e.Name() == pageName {
			continue
		}
		data, err := bundle.ReadFile("dist/" + e.Name())
		if err != nil {
			return nil, fault.New(fault.InternalBug, "read the dashboard", err)
		}
		a := newAsset(e.Name(), data)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "-" + a.etag[1:17] + ext
		d.files[name] = a
		page = bytes.ReplaceAll(page, []byte(`"`+e.Name()+`"`), []byte(`"/assets/`+name+`"`))
	}
	d.page = newAsset(pageName, page)
	return d, nil
}

func newAsset(name string, data []byte) asset {
	sum := sha256.Sum256(data)
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // a level that there is
	_, _ = w.Write(data)                                       // into memory
	_ = w.Close()
	return asset{
		contentType: pageTypes[path.Ext(name)],
		etag:        `"` + hex.EncodeToString(sum[:]) + `"`,
		plain:       data, zipped: zipped.Bytes(),
	}
}

// getPage answers with the dashboard. What it shows it asks for like everybody else,
// so it is open.
func (g *Gateway) getPage(x *exchange) error {
	h := x.w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	x.asset(g.page.page)
	return nil
}

// getAsset answers with a file of the dashboard, which may be kept for ever.
func (g *Gateway) getAsset(x *exchange) error {
	a, ok := g.page.files[x.r.PathValue("file")]
	if !ok {
		return fault.New(fault.HTTPNotFound, "", nil)
	}
	x.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	x.w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	x.asset(a)
	return nil
}

// asset sends a file, compressed for whoever can take it.
func (x *exchange) asset(a asset) {
	h := x.w.Header()
	h.Set("ETag", a.etag)
	h.Set("Vary", "Accept-Encoding")
	if known := x.r.Header.Get("If-None-Match"); known != "" && matches(known, a.etag) {
		x.w.WriteHeader(http.StatusNotModified)
		return
	}
	data := a.plain
	if takesGzip(x.r.Header) {
		h.Set("Content-Encoding", "gzip")
		data = a.zipped
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	x.w.WriteHeader(http.StatusOK)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(data) // nobody is left to tell that the client has gone
	}
}

// takesGzip reports whether a client says that it takes gzip.
func takesGzip(h http.Header) bool {
	for part := range strings.SplitSeq(h.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight = strings.ReplaceAll(weight, " ", "")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			return weight != "q=0" && weight != "q=0.0" && weight != "q=0.00" && weight != "q=0.000"
		}
	}
	return false
}
