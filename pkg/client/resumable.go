package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// uploadsRoot is where a gateway takes resumable uploads.
const uploadsRoot = "/v1/uploads/"

// parting is how long the server may take to forget an upload that was given up.
const parting = 2 * time.Second

// resumable is the upload of a file that goes on after a broken connection, by the
// tus protocol.
type resumable struct {
	c    *Client
	u    Upload
	file *os.File
	path string // of the upload on the server
	at   int64  // how far it is, as the server has said

	mu     sync.Mutex // the transport reads in a goroutine of its own
	sum    hash.Hash
	hashed int64 // how much of the file went into sum
}

// uploadResumable sends a file of u.Size bytes. Fault besides those of
// [Client.UploadFile]: http.not_found and http.method_not_allowed from a server that
// does not know the protocol; upload.gone.
func (c *Client) uploadResumable(ctx context.Context, path string, u Upload) (f events.File, err error) {
	file, err := os.Open(path)
	if err != nil {
		return events.File{}, unreadable(path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	s := &resumable{c: c, u: u, file: file, sum: sha256.New()}
	if err := s.begin(ctx); err != nil {
		return events.File{}, err
	}
	digest, err := s.send(ctx)
	if err != nil {
		s.giveUp(ctx)
		return events.File{}, err
	}
	if own := s.digest(); own != digest {
		return events.File{}, fault.New(fault.HTTPDigestMismatch,
			"the store has "+clipped(digest)+", sent was "+own, nil)
	}
	return events.File{Name: u.Name, Digest: digest, Size: u.Size, MediaType: u.MediaType}, nil
}

// digest is that of what was sent.
func (s *resumable) digest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "sha256:" + hex.EncodeToString(s.sum.Sum(nil))
}

func tusHeader(pairs ...string) http.Header {
	h := http.Header{"Tus-Resumable": {"1.0.0"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// begin asks the server for a place to upload to.
func (s *resumable) begin(ctx context.Context) error {
	var meta []string
	for _, field := range [][2]string{{"filename", s.u.Name}, {"filetype", s.u.MediaType}} {
		if field[1] != "" {
			meta = append(meta, field[0]+" "+base64.StdEncoding.EncodeToString([]byte(field[1])))
		}
	}
	r, err := s.c.do(ctx, call{
		method: http.MethodPost, path: uploadsRoot, body: []byte{},
		header: tusHeader("Upload-Length", strconv.FormatInt(s.u.Size, 10), "Upload-Metadata", strings.Join(meta, ",")),
	})
	if err != nil {
		return err
	}
	defer discard(r)
	location := r.Header.Get("Location")
	i := strings.LastIndex(location, uploadsRoot)
	if i < 0 {
		return fault.New(fault.ClientBadAnswer, "it names no place to upload to", nil)
	}
	s.path = location[i:]
	return nil
}

// send sends the bytes, as often as the connection breaks, and returns the digest of
// what the server has. The count of tries begins anew whenever some got through.
func (s *resumable) send(ctx context.Context) (digest string, err error) {
	var pause backoff
	asks := false
	for try := 1; ; try++ {
		was := s.at
		digest, err := s.step(ctx, asks)
		if err == nil {
			return digest, nil
		}
		if s.at > was {
			try = 1
			pause.reset()
		}
		if try >= s.c.cfg.Tries || !goesOn(err) || !pause.wait(ctx, fault.From(err).RetryAfter) {
			return "", err
		}
		asks = true
	}
}

// step asks how far the upload is, if it is not the first, and sends the rest.
func (s *resumable) step(ctx context.Context, asks bool) (digest string, err error) {
	if asks {
		if digest, err = s.ask(ctx); err != nil || digest != "" {
			return digest, err
		}
	}
	return s.patch(ctx)
}

// goesOn reports whether the upload may still be there after a failed request.
func goesOn(err error) bool {
	switch fault.From(err).Code {
	case fault.ClientUnreachable, fault.ClientInterrupted, fault.HTTPNotReady, fault.HTTPTooBusy,
		fault.HTTPTooSlow, fault.UploadInterrupted, fault.UploadWrongOffset, fault.UploadLocked,
		fault.BusTimeout, fault.BusUnreachable, fault.ArtifactIO:
		return true
	}
	return false
}

// patch sends everything that the server does not have.
func (s *resumable) patch(ctx context.Context) (digest string, err error) {
	at := s.at
	r, err := s.c.attempt(ctx, call{
		method: http.MethodPatch, path: s.path, size: s.u.Size - at,
		header: tusHeader("Content-Type", "application/offset+octet-stream",
			"Upload-Offset", strconv.FormatInt(at, 10)),
		open: func() (io.ReadCloser, error) {
			return &rest{s: s, at: at, r: io.NewSectionReader(s.file, at, s.u.Size-at)}, nil
		},
	})
	if err != nil {
		return "", err
	}
	defer discard(r)
	digest = r.Header.Get("Millrace-Artifact")
	if digest == "" {
		return "", fault.New(fault.ClientBadAnswer, "it does not say what it has stored", nil)
	}
	return digest, nil
}

// ask asks how far the upload is, and for the digest if it is finished. The answer
// to HEAD has no body, so its status must do.
func (s *resumable) ask(ctx context.Context) (digest string, err error) {
	k := call{method: http.MethodHead, path: s.path, header: tusHeader()}
	req, err := s.c.request(ctx, k)
	if err != nil {
		return "", err
	}
	r, err := s.c.http.Do(req)
	if err != nil {
		return "", s.c.broken(ctx, k, err)
	}
	defer discard(r)
	switch {
	case r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusGone:
		return "", fault.New(fault.UploadGone, "", nil)
	case r.StatusCode == http.StatusLocked || r.StatusCode >= 500:
		return "", fault.New(fault.UploadInterrupted, "it answers "+clipped(r.Status), nil)
	case !answered(r.StatusCode):
		return "", stranger(r)
	}
	at, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || at < 0 || at > s.hashed {
		return "", fault.New(fault.ClientBadAnswer, "it says that more has arrived than was sent", nil)
	}
	s.at = at
	return r.Header.Get("Millrace-Artifact"), nil
}

// giveUp lets the server forget the upload, if it can be told.
func (s *resumable) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer cancel()
	r, err := s.c.attempt(ctx, call{method: http.MethodDelete, path: s.path, header: tusHeader()})
	if err == nil { // else it forgets by itself in a day
		discard(r)
	}
}

// rest is the file from an offset on. What was not sent before is hashed.
type rest struct {
	s  *resumable
	at int64
	r  io.Reader
}

// Read reads the file.
func (r *rest) Read(p []byte) (int, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	n, err := r.r.Read(p)
	r.at += int64(n)
	if fresh := r.at - r.s.hashed; fresh > 0 {
		r.s.sum.Write(p[n-int(fresh) : n])
		r.s.hashed = r.at
	}
	if r.s.u.Progress != nil && n > 0 {
		r.s.u.Progress(r.at, r.s.u.Size)
	}
	switch {
	case err == io.EOF && r.at < r.s.u.Size:
		return n, fault.New(fault.FetchChanged, "it became shorter", nil)
	case err != nil && err != io.EOF:
		return n, fault.New(fault.FetchUnreadable, "read the content", err)
	}
	return n, err
}

// Close leaves the file open for the next try.
func (r *rest) Close() error { return nil }
