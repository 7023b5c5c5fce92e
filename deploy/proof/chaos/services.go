package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// source serves the files of the jobs.
func source() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/file-"), ".txt"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content(n)))
	}))
}

// largeFile is the size of a large file, and checkpoint how much of it may have to be
// done again.
const (
	largeFile  = 24 << 20
	checkpoint = 2 << 20
)

// fileName is the name of the file of job n.
func fileName(n int) string { return fmt.Sprintf("file-%d.txt", n) }

// content is the file of job n: different for each, and up to 40 KiB, but for one in
// a hundred, which takes some checkpoints and cannot be compressed.
func content(n int) []byte {
	if n%100 == 42 {
		b := make([]byte, largeFile)
		_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(b) // never fails
		return b
	}
	return bytes.Repeat(fmt.Appendf(nil, "line of job %d\n", n), 1+(n*37)%2000)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// service is the other side of calls. One that honours keys makes one effect for each
// key; the other makes one for each request. DELETE and POST /un… take an effect back.
type service struct {
	*httptest.Server
	honest bool

	mu       sync.Mutex
	requests int
	effects  map[string]int // by the key of the call
	undone   map[string]int // by the same
	undoKeys map[string]int // by the key of the undo
}

func newService(honest bool) *service {
	s := &service{honest: honest, effects: map[string]int{}, undone: map[string]int{}, undoKeys: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /charge", s.call)
	mux.HandleFunc("POST /tell", s.call)
	mux.HandleFunc("DELETE /charge/{id}", s.undo)
	mux.HandleFunc("POST /untell/{id}", s.undo)
	s.Server = httptest.NewServer(mux)
	return s
}

func key(r *http.Request) string { return strings.Trim(r.Header.Get("Idempotency-Key"), `"`) }

func (s *service) call(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if k := key(r); !s.honest || s.effects[k] == 0 {
		s.effects[k]++
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, `{"made":true}`)
}

func (s *service) undo(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if k := r.PathValue("id"); !s.honest || s.undone[k] == 0 {
		s.undone[k]++
	}
	s.undoKeys[key(r)]++
	fmt.Fprint(w, `{"undone":true}`)
}

// happened reports whether the effect with a key was made: what a person sees who
// looks.
func (s *service) happened(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects[key]+s.undoKeys[key] > 0
}

// count returns how often the call with a key had its effect, and how often that was
// taken back.
func (s *service) count(key string) (made, undone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects[key], s.undone[key]
}
