package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Upload describes content that is sent to the store. The zero value will do.
type Upload struct {
	// Name is the file's base name. Empty means that of the path, and none for
	// content that has no path.
	Name string
	// MediaType is what the content is declared to be.
	MediaType string
	// Size in bytes, when it is known; it is announced to the server. Zero means
	// that it is not known. UploadFile finds it out by itself.
	Size int64
	// Progress is called as bytes are sent, from another goroutine than the
	// caller's but never from two at once. total is 0 when it is not known. After
	// a broken connection sent goes back, to 0 for content that cannot be resumed.
	// Content that the server has already counts as sent. It must not block.
	Progress func(sent, total int64)
}

// UploadFile sends a local file to the store, unless it is there already, see
// [Config.AskFrom]. What arrived is compared with what was read. A large one, see
// [Config.ResumeFrom], goes on where it was after a broken connection; others are sent
// again. Faults: fetch.not_found, fetch.unreadable, fetch.not_a_file for the
// path; fetch.changed when the file changes meanwhile; http.digest_mismatch; those
// of artifact, http and client.
func (c *Client) UploadFile(ctx context.Context, path string, u Upload) (events.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return events.File{}, unreadable(path, err)
	}
	if info.IsDir() {
		return events.File{}, fault.New(fault.FetchNotAFile, path, nil)
	}
	if u.Name == "" {
		u.Name = filepath.Base(path)
	}
	u.Size = -1
	if info.Mode().IsRegular() {
		u.Size = info.Size()
	}
	if from := c.cfg.AskFrom; from >= 0 && u.Size >= from {
		if f, ok := c.known(ctx, path, u); ok {
			return f, nil
		}
	}
	if from := c.cfg.ResumeFrom; from >= 0 && u.Size >= from {
		f, err := c.uploadResumable(ctx, path, u)
		if !fault.Has(err, fault.HTTPNotFound) && !fault.Has(err, fault.HTTPMethodNotAllowed) {
			return f, err
		}
		// The server is an older one.
	}
	open := func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, unreadable(path, err)
		}
		return f, nil
	}
	return c.upload(ctx, u, open, !info.Mode().IsRegular())
}

// Upload sends content to the store. It is sent again after a broken connection
// only when r is an [io.Seeker]. Faults: as for [Client.UploadFile].
func (c *Client) Upload(ctx context.Context, r io.Reader, u Upload) (events.File, error) {
	seeker, again := r.(io.Seeker)
	first := true
	open := func() (io.ReadCloser, error) {
		if !first {
			if _, err := seeker.Seek(0, io.SeekStart); err != nil {
				return nil, fault.New(fault.FetchUnreadable, "read the content again", err)
			}
		}
		first = false
		return io.NopCloser(r), nil
	}
	if u.Size == 0 {
		u.Size = -1
	}
	return c.upload(ctx, u, open, !again)
}

func (c *Client) upload(
	ctx context.Context, u Upload, open func() (io.ReadCloser, error), once bool,
) (events.File, error) {
	query := url.Values{}
	if u.Name != "" {
		query.Set("name", u.Name)
	}
	if u.MediaType != "" {
		query.Set("media_type", u.MediaType)
	}
	var sent *source
	var file events.File
	err := c.json(ctx, call{
		method: http.MethodPost, path: "/v1/artifacts", query: query, size: u.Size, once: once,
		header: http.Header{"Content-Type": {api.ContentTypeBytes}},
		open: func() (io.ReadCloser, error) {
			r, err := open()
			if err != nil {
				return nil, err
			}
			sent = &source{r: r, size: u.Size, sum: sha256.New(), report: u.Progress}
			return sent, nil
		},
	}, &file)
	if err != nil {
		return events.File{}, err
	}
	if digest := sent.digest(); digest != file.Digest {
		return events.File{}, fault.New(fault.HTTPDigestMismatch,
			"the store has "+clipped(file.Digest)+", sent was "+digest, nil)
	}
	return file, nil
}

// source is content on its way out: it is counted and hashed, and it fails when it
// is not as long as was announced.
type source struct {
	r      io.ReadCloser
	size   int64 // negative: not known
	report func(sent, total int64)

	mu   sync.Mutex // the transport reads in a goroutine of its own
	sum  hash.Hash
	done int64
}

// Read reads the content.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size >= 0 && int64(len(p)) > s.size-s.done {
		p = p[:s.size-s.done]
	}
	if len(p) == 0 {
		return 0, io.EOF
	}
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	s.done += int64(n)
	if s.report != nil && n > 0 {
		s.report(s.done, max(s.size, 0))
	}
	if err == io.EOF && s.size >= 0 && s.done < s.size {
		return n, fault.New(fault.FetchChanged, "it became shorter", nil)
	}
	if err != nil && err != io.EOF {
		return n, fault.New(fault.FetchUnreadable, "read the content", err)
	}
	return n, err
}

// Close closes the content.
func (s *source) Close() error { return s.r.Close() }

func (s *source) digest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "sha256:" + hex.EncodeToString(s.sum.Sum(nil))
}

func unreadable(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.FetchNotFound, path, nil)
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fault.New(fault.FetchUnreadable, path, err)
}
