package mill_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

var (
	uploadSeed  = flag.Uint64("upload.seed", 1, "the first of the seeds of TestCrashUploads")
	uploadKills = flag.Int("upload.kills", 36, "how often TestCrashUploads kills the mill")
)

// uploader sends uploads to a mill that is killed again and again.
type uploader struct {
	t    *testing.T
	mill *process
	addr string
	c    *client.Client
}

// TestCrashUploads kills the mill while an upload arrives, at any byte of it, or
// while the upload becomes a job. Each upload is one job in the end, on its content.
func TestCrashUploads(t *testing.T) {
	t.Parallel()
	u := &uploader{t: t, addr: local(freePort(t))}
	u.mill = newProcess(t, "mill", childConfig{Mill: &childMill{
		DataDir: t.TempDir(), NATSListen: local(freePort(t)), HTTPAddr: u.addr,
	}})
	if err := u.mill.start(); err != nil {
		t.Fatal(err)
	}
	var err error
	if u.c, err = client.New(client.Config{Server: u.addr, Patience: time.Minute}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = u.c.Close() }()
	pipe := pipelineFile("hashed", "    - {id: hash, uses: hash@1}\n")
	if _, err := u.c.ApplyPipeline(t.Context(), "hashed", []byte(pipe)); err != nil {
		t.Fatal(err)
	}
	for i := range fewer(fewer(*uploadKills)) {
		u.crash(*uploadSeed + uint64(i))
	}
}

// crash uploads what a seed says, with one kill on the way.
func (u *uploader) crash(seed uint64) {
	u.t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	content := make([]byte, 1+rng.IntN(fewer(24)<<20))
	for i := 0; i < len(content); i += 1 + rng.IntN(64) {
		content[i] = byte(rng.Uint32())
	}
	name := strconv.FormatUint(seed, 10)
	path := u.begin(len(content), name)
	cut, pause := rng.IntN(len(content)), time.Duration(0)
	if seed%3 == 0 { // all bytes arrive, and it dies on the way to the job
		cut, pause = len(content), time.Duration(rng.IntN(12_000))*time.Microsecond
	}
	u.send(path, content[:cut], len(content), pause)
	u.mill.kill()
	if err := u.mill.start(); err != nil {
		u.t.Fatal(err)
	}
	at, job := u.ask(path)
	if at > cut {
		u.t.Fatalf("seed %d: %d bytes were sent, %d are said to be there", seed, cut, at)
	}
	if job == "" {
		u.finish(path, content, at)
		_, job = u.ask(path)
	}
	sum := sha256.Sum256(content)
	u.check(seed, name, job, "sha256:"+hex.EncodeToString(sum[:]))
}

// do makes a request of the tus protocol.
func (u *uploader) do(method, path string, body io.Reader, headers ...string) *http.Response {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), method, "http://"+u.addr+path, body)
	if err != nil {
		u.t.Fatal(err)
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	req.Close = true
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		u.t.Fatalf("%s %s: %s %s %v", method, path, res.Status, said, err)
	}
	_ = res.Body.Close()
	return res
}

func (u *uploader) begin(size int, name string) string {
	u.t.Helper()
	meta := ""
	for _, f := range [][2]string{{"pipeline", "hashed"}, {"filename", name}, {"label.upload", name}} {
		meta += "," + f[0] + " " + base64.StdEncoding.EncodeToString([]byte(f[1]))
	}
	res := u.do("POST", "/v1/uploads/", nil, "Upload-Length", strconv.Itoa(size), "Upload-Metadata", meta[1:])
	return res.Header.Get("Location")
}

// send sends bytes over a connection of its own, as fast as they are taken, waits,
// and leaves the connection as it is.
func (u *uploader) send(path string, b []byte, announced int, pause time.Duration) {
	u.t.Helper()
	conn, err := net.Dial("tcp", u.addr)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n", path, u.addr, announced)
	if err == nil {
		_, err = conn.Write(b)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	if pause > 0 {
		<-time.After(pause)
	}
}

// ask returns how far an upload is, and its job.
func (u *uploader) ask(path string) (at int, job string) {
	u.t.Helper()
	res := u.do("HEAD", path, nil)
	at, err := strconv.Atoi(res.Header.Get("Upload-Offset"))
	if err != nil {
		u.t.Fatal(err)
	}
	return at, res.Header.Get("Millrace-Job")
}

func (u *uploader) finish(path string, content []byte, at int) {
	u.t.Helper()
	u.do("PATCH", path, bytes.NewReader(content[at:]), "Upload-Offset", strconv.Itoa(at),
		"Content-Type", "application/offset+octet-stream")
}

// check looks for the one job of an upload.
func (u *uploader) check(seed uint64, name, job, digest string) {
	u.t.Helper()
	j, err := u.c.Wait(u.t.Context(), job)
	if err != nil {
		u.t.Fatalf("seed %d: job %q: %v", seed, job, err)
	}
	if f := j.Job.Files; len(f) != 1 || f[0].Digest != digest || j.Job.State != "completed" {
		u.t.Errorf("seed %d: job on %+v is %s", seed, f, j.Job.State)
	}
	page, err := u.c.List(u.t.Context(), api.JobQuery{Labels: map[string]string{"upload": name}})
	if err != nil || len(page.Jobs) != 1 {
		u.t.Errorf("seed %d: jobs %+v, %v", seed, page, err)
	}
}
