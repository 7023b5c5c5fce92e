package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// service is the other side. POST /honest has one effect for each key, whatever
// is asked; POST /plain has one for each request; GET /plain/KEY says whether
// there was one.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	requests map[string]int
	effects  map[string]int
	ambushes map[string]ambush
}

// ambush is what happens to the first request with a key by the first worker. It
// reports whether the connection is to be cut.
type ambush struct {
	point  point
	spring func() (cut bool)
}

const firstWorker = "first"

func newService() *service {
	s := &service{requests: map[string]int{}, effects: map[string]int{}, ambushes: map[string]ambush{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /honest", func(w http.ResponseWriter, r *http.Request) { s.post(w, r, true) })
	mux.HandleFunc("POST /plain", func(w http.ResponseWriter, r *http.Request) { s.post(w, r, false) })
	mux.HandleFunc("GET /plain/{key}", func(w http.ResponseWriter, r *http.Request) {
		if _, made := s.count(r.PathValue("key")); made == 0 {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"known":true}`)
	})
	s.Server = httptest.NewServer(mux)
	return s
}

func (s *service) post(w http.ResponseWriter, r *http.Request, honest bool) {
	key := strings.Trim(r.Header.Get("Idempotency-Key"), `"`)
	s.mu.Lock()
	s.requests[key]++
	a, ok := s.ambushes[key]
	if ok = ok && r.Header.Get("X-Worker") == firstWorker; ok {
		delete(s.ambushes, key)
	}
	s.mu.Unlock()
	if ok && a.point == beforeCount && a.spring() {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	if s.effects[key] == 0 || !honest {
		s.effects[key]++
	}
	s.mu.Unlock()
	if ok && a.point == afterCount && a.spring() {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, `{"made":true}`)
}

// lay lays an ambush for a key.
func (s *service) lay(key string, a ambush) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ambushes[key] = a
}

// count returns how many requests a key had, and how many effects.
func (s *service) count(key string) (requests, effects int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[key], s.effects[key]
}
