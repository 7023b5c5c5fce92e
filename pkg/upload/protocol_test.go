package upload_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/upload"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *upload.Options) { o.MaxSize = 1000 })
	w.ask("OPTIONS", root, nil, "Tus-Resumable", "").is(200, "").
		has("Tus-Version", "1.0.0").has("Tus-Max-Size", "1000").has("Tus-Checksum-Algorithm", "sha1,sha256").
		has("Tus-Extension", "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration")
}

// TestWhole uploads in pieces and finds the job.
func TestWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := bytesOf(700_001)
	said := meta("pipeline", "keep", "filename", "a b.bin", "filetype", "image/png")
	path := w.begin(len(b), said)
	for at := 0; at < len(b); {
		w.ask("HEAD", path, nil).is(200, "").has("Upload-Offset", strconv.Itoa(at)).
			has("Upload-Length", "700001").has("Upload-Metadata", said).has("Cache-Control", "no-store").
			has(upload.HeaderJob, "")
		end := min(at+199_999, len(b))
		a := w.patch(path, at, b[at:end]).is(204, "").has("Upload-Offset", strconv.Itoa(end))
		if _, err := http.ParseTime(a.Header.Get("Upload-Expires")); err != nil && end < len(b) {
			t.Error(err)
		}
		at = end
		w.restart()
	}
	w.content(b)
	made := w.jobs.all()
	if len(made) != 1 {
		t.Fatalf("%d jobs", len(made))
	}
	for id, s := range made {
		f := s.Files[0]
		if f.Digest != digestOf(b) || f.Name != "a b.bin" || f.MediaType != "image/png" || f.Size != int64(len(b)) {
			t.Errorf("job on %+v", f)
		}
		// A client that lost the last answer.
		w.ask("HEAD", path, nil).is(200, "").has("Upload-Offset", "700001").has("Upload-Length", "700001").
			has(upload.HeaderJob, id).has(upload.HeaderArtifact, digestOf(b))
		w.patch(path, len(b), nil).is(204, "").has(upload.HeaderJob, id)
	}
	w.patch(path, 5, b[5:]).is(409, fault.UploadWrongOffset)
	if n := w.jobs.asked; n != 1 {
		t.Errorf("the job was asked for %d times", n)
	}
}

// TestAtOnce creates and uploads with one request, empty ones too, and without a job.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, n := range []int{0, 1, 300_000} {
		b := bytesOf(n)
		a := w.ask("POST", root, strings.NewReader(string(b)), "Upload-Length", strconv.Itoa(n),
			"Content-Type", "application/offset+octet-stream")
		a.is(201, "").has(upload.HeaderArtifact, digestOf(b)).has(upload.HeaderJob, "")
		if !strings.HasPrefix(a.Header.Get("Location"), root) {
			t.Errorf("location %q", a.Header.Get("Location"))
		}
		w.content(b)
	}
	if len(w.jobs.all()) != 0 {
		t.Error("there are jobs that nobody asked for")
	}
}

func TestDeferLength(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *upload.Options) { o.MaxSize = 500_000 })
	b := bytesOf(300_000)
	a := w.ask("POST", root, nil, "Upload-Defer-Length", "1", "Upload-Metadata", meta("pipeline", "keep")).is(201, "")
	path := a.Header.Get("Location")
	w.patch(path, 0, b).is(204, "")
	w.ask("HEAD", path, nil).is(200, "").has("Upload-Defer-Length", "1").has("Upload-Offset", "300000")
	w.patch(path, 300_000, bytesOf(200_001)).is(413, fault.ArtifactTooLarge)
	w.patch(path, 300_000, nil, "Upload-Length", "299999").is(400, fault.HTTPBadRequest)
	w.ask("HEAD", path, nil).is(200, "").has("Upload-Offset", "300000")
	w.patch(path, 300_000, nil, "Upload-Length", "300000").is(204, "").has(upload.HeaderArtifact, digestOf(b))
	if len(w.jobs.all()) != 1 {
		t.Error("there is no job")
	}
}

func TestTerminate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	path := w.begin(10, "")
	w.patch(path, 0, bytesOf(5)).is(204, "")
	w.ask("DELETE", path, nil).is(204, "")
	w.ask("DELETE", path, nil).is(410, fault.UploadGone)
	w.ask("HEAD", path, nil).is(410, fault.UploadGone)
	w.patch(path, 5, bytesOf(5)).is(410, fault.UploadGone)
}

func TestChecksum(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := bytesOf(300_000)
	good256, good1 := sha256.Sum256(b[:200_000]), sha1.Sum(b[200_000:])
	path := w.begin(len(b), meta("digest", digestOf(b)))
	w.patch(path, 0, b[:200_000], "Upload-Checksum", "sha256 "+base64.StdEncoding.EncodeToString(good1[:])).is(400, fault.HTTPBadRequest)
	w.patch(path, 0, b[:200_000], "Upload-Checksum", "crc32 AAAA").is(400, fault.HTTPBadRequest)
	w.patch(path, 0, b[:199_999], "Upload-Checksum", "sha256 "+base64.StdEncoding.EncodeToString(good256[:])).is(460, fault.UploadChecksum)
	w.ask("HEAD", path, nil).is(200, "").has("Upload-Offset", "0")
	w.patch(path, 0, b[:200_000], "Upload-Checksum", "sha256 "+base64.StdEncoding.EncodeToString(good256[:])).is(204, "")
	w.patch(path, 200_000, b[:100_000], "Upload-Checksum", "sha1 "+base64.StdEncoding.EncodeToString(good1[:])).is(460, fault.UploadChecksum)
	w.patch(path, 200_000, b[200_000:], "Upload-Checksum", "sha1 "+base64.StdEncoding.EncodeToString(good1[:])).is(204, "")
	w.content(b)
}

// TestWrongDigest announces other content than comes.
func TestWrongDigest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	path := w.begin(3, meta("pipeline", "keep", "digest", digestOf([]byte("abd"))))
	w.patch(path, 0, []byte("abc")).is(460, fault.UploadChecksum)
	w.ask("HEAD", path, nil).is(460, fault.UploadChecksum)
	if len(w.jobs.all()) != 0 {
		t.Error("there is a job")
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(o *upload.Options) {
		o.Now = func() time.Time { return now }
		o.Expiry, o.Every = time.Hour, time.Hour
	})
	swept, asked := w.begin(10, ""), w.begin(10, "")
	w.patch(asked, 0, bytesOf(5)).is(204, "")
	now = now.Add(time.Hour + time.Second)
	fresh := w.begin(10, "")
	w.ask("HEAD", asked, nil).is(410, fault.UploadGone)
	w.tidy()
	w.ask("HEAD", swept, nil).is(410, fault.UploadGone)
	w.ask("HEAD", fresh, nil).is(200, "")
}

// TestOthers asks for uploads of other tenants, and for what is none.
func TestOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	path := w.begin(10, "", "Millrace-Tenant", "mine")
	for _, method := range []string{"HEAD", "PATCH", "DELETE"} {
		w.ask(method, path, nil, "Upload-Offset", "0").is(404, fault.UploadNotFound)
		for _, id := range []string{
			strings.Repeat("a", 26), "*", ">", "mine." + strings.TrimPrefix(path, root), "..%2f..%2fetc", "a", "%00", "x/y",
		} {
			w.ask(method, root+id, nil, "Upload-Offset", "0").is(404, fault.UploadNotFound)
		}
	}
	w.ask("HEAD", path, nil, "Millrace-Tenant", "mine").is(200, "")
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *upload.Options) { o.MaxOpen = 2 })
	path := w.begin(1, "")
	w.begin(1, "")
	w.ask("POST", root, nil, "Upload-Length", "1").is(429, fault.UploadTooMany).has("Retry-After", "10")
	w.ask("POST", root, nil, "Upload-Length", "1", "Millrace-Tenant", "other").is(201, "")
	w.patch(path, 0, bytesOf(1)).is(204, "")
	w.begin(1, "")
}

// TestHostile sends what no client sends.
func TestHostile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *upload.Options) { o.MaxSize = 1 << 20 })
	path := w.begin(10, "")
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
		code         fault.Code
	}{
		"another version":    {"POST", root, []string{"Tus-Resumable", "0.2.2", "Upload-Length", "1"}, 412, fault.UploadProtocol},
		"no version":         {"PATCH", path, []string{"Tus-Resumable", ""}, 412, fault.UploadProtocol},
		"no length":          {"POST", root, nil, 400, fault.HTTPBadRequest},
		"a negative length":  {"POST", root, []string{"Upload-Length", "-1"}, 400, fault.HTTPBadRequest},
		"a huge length":      {"POST", root, []string{"Upload-Length", "99999999999999999999"}, 400, fault.HTTPBadRequest},
		"too large":          {"POST", root, []string{"Upload-Length", "1048577"}, 413, fault.ArtifactTooLarge},
		"two lengths":        {"POST", root, []string{"Upload-Length", "1", "Upload-Defer-Length", "1"}, 400, fault.HTTPBadRequest},
		"concatenation":      {"POST", root, []string{"Upload-Length", "1", "Upload-Concat", "partial"}, 400, fault.HTTPBadRequest},
		"no pipeline":        {"POST", root, []string{"Upload-Length", "1", "Upload-Metadata", meta("pipeline", "nope")}, 404, fault.PipelineNotFound},
		"not base64":         {"POST", root, []string{"Upload-Length", "1", "Upload-Metadata", "filename %%%"}, 400, fault.UploadBadMetadata},
		"not UTF-8":          {"POST", root, []string{"Upload-Length", "1", "Upload-Metadata", "filename /w=="}, 400, fault.UploadBadMetadata},
		"twice":              {"POST", root, []string{"Upload-Length", "1", "Upload-Metadata", "a YQ==,a YQ=="}, 400, fault.UploadBadMetadata},
		"no name":            {"POST", root, []string{"Upload-Length", "1", "Upload-Metadata", "a YQ==,,"}, 400, fault.UploadBadMetadata},
		"long":               {"POST", root, []string{"Upload-Length", "1", "Upload-Metadata", "a " + strings.Repeat("YWFh", 2048)}, 400, fault.UploadBadMetadata},
		"many":               {"POST", root, []string{"Upload-Length", "1", "Upload-Metadata", many(129)}, 400, fault.UploadBadMetadata},
		"another type":       {"PATCH", path, []string{"Content-Type", "text/plain", "Upload-Offset", "0"}, 415, fault.HTTPUnsupportedMediaType},
		"no offset":          {"PATCH", path, nil, 400, fault.HTTPBadRequest},
		"a negative offset":  {"PATCH", path, []string{"Upload-Offset", "-1"}, 400, fault.HTTPBadRequest},
		"a lie":              {"PATCH", path, []string{"Upload-Offset", "5"}, 409, fault.UploadWrongOffset},
		"a length too late":  {"PATCH", path, []string{"Upload-Offset", "0", "Upload-Length", "10"}, 400, fault.HTTPBadRequest},
		"too many bytes":     {"PATCH", path, []string{"Upload-Offset", "0", "body", "12345678901"}, 413, fault.ArtifactTooLarge},
		"an overridden verb": {"POST", path, []string{"X-HTTP-Method-Override", "DELETE"}, 400, fault.HTTPBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			var body io.Reader
			for i := 0; i+1 < len(c.headers); i += 2 {
				if c.headers[i] == "body" {
					body = strings.NewReader(c.headers[i+1])
				}
			}
			w.ask(c.method, c.path, body, c.headers...).is(c.status, c.code)
		})
	}
	w.ask("HEAD", path, nil).is(200, "").has("Upload-Offset", "0")
	w.patch(path, 0, bytesOf(10)).is(204, "")
}

// many is metadata with n fields.
func many(n int) string {
	var pairs []string
	for i := range n {
		pairs = append(pairs, "f"+strconv.Itoa(i), "x")
	}
	return meta(pairs...)
}
