package gateway

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// getArtifact answers with the content of an artifact, or one range of it. With
// ?job= it is one of that job's.
func (g *Gateway) getArtifact(x *exchange) error {
	digest := x.r.PathValue("digest")
	if err := x.has(digest, x.r.URL.Query().Get("job")); err != nil {
		return err
	}
	size, err := g.Store.Stat(x.r.Context(), digest)
	if fault.Has(err, fault.ArtifactNotFound) {
		return noArtifact(digest)
	}
	if err != nil {
		return err
	}
	etag := `"` + digest + `"`
	h := x.w.Header()
	h.Set("Accept-Ranges", "bytes")
	if known := x.r.Header.Get("If-None-Match"); known != "" && matches(known, etag) {
		describeArtifact(h, digest, "")
		x.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	span, err := rangeOf(x.r.Header, size, etag)
	if err != nil {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return err
	}
	describeArtifact(h, digest, x.r.URL.Query().Get("name"))
	h.Set("Content-Type", api.ContentTypeBytes)
	h.Set("Content-Length", strconv.FormatInt(span.length, 10))
	status := http.StatusOK
	if span.partial {
		last := span.start + span.length - 1
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", span.start, last, size))
		status = http.StatusPartialContent
	}
	if x.r.Method == http.MethodHead {
		x.w.WriteHeader(status)
		return nil
	}
	return g.copyArtifact(x, digest, span, status)
}

// copyArtifact sends a range. The header goes out when the store has the content,
// so that an artifact that is damaged or gone is a problem and no empty file.
func (g *Gateway) copyArtifact(x *exchange, digest string, s span, status int) (err error) {
	content, err := g.Store.OpenRange(x.r.Context(), digest, s.start, s.length)
	if err != nil {
		undescribe(x.w.Header())
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	x.w.WriteHeader(status)
	_, err = io.Copy(x.w, content)
	return err
}

// describeArtifact sets the headers that keep a browser from making anything of the
// content but a file, and that let everybody keep it for ever.
func describeArtifact(h http.Header, digest, name string) {
	h.Set("ETag", `"`+digest+`"`)
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if sum, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:")); err == nil {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
	disposition := "attachment"
	if name != "" {
		// Empty for a name that no header can hold.
		name := map[string]string{"filename": artifact.CleanName(name)}
		if d := mime.FormatMediaType(disposition, name); d != "" {
			disposition = d
		}
	}
	h.Set("Content-Disposition", disposition)
}

// undescribe takes the headers back, for an answer that is a problem.
func undescribe(h http.Header) {
	for _, name := range []string{"ETag", "Content-Disposition", "Content-Range", "Repr-Digest"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
}

// span is a part of a content.
type span struct {
	start, length int64
	partial       bool
}

// rangeOf reads the Range header: one range of bytes. Anything else that RFC 9110
// lets a server ignore is ignored: several ranges, other units, malformed ones, and a
// range whose If-Range names another content. Fault: artifact.bad_range.
func rangeOf(h http.Header, size int64, etag string) (span, error) {
	whole := span{length: size}
	spec, ok := strings.CutPrefix(h.Get("Range"), "bytes=")
	if cond := h.Get("If-Range"); !ok || cond != "" && cond != etag {
		return whole, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return whole, nil
	}
	start, hasStart, ok1 := position(first)
	end, hasEnd, ok2 := position(last)
	unsatisfiable := fault.New(fault.ArtifactBadRange,
		fmt.Sprintf("%s of %d bytes", fault.Clip(spec, 60), size), nil)
	switch {
	case !ok1 || !ok2 || !hasStart && !hasEnd || hasStart && hasEnd && end < start:
		return whole, nil
	case !hasStart: // the last bytes
		if end == 0 || size == 0 {
			return whole, unsatisfiable
		}
		n := min(end, size)
		return span{start: size - n, length: n, partial: true}, nil
	case start >= size:
		return whole, unsatisfiable
	case !hasEnd || end >= size:
		end = size - 1
	}
	return span{start: start, length: end - start + 1, partial: true}, nil
}

// position reads one end of a range; it may be missing.
func position(s string) (n int64, given, ok bool) {
	if s == "" {
		return 0, false, true
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = 1<<63 - 1 // far beyond any end
	}
	return n, true, true
}
