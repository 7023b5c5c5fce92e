package rig

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// Generate writes a CSV file of that many bytes, the same in every run, which
// compresses to about a third.
func Generate(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	line, state := "time,level,user,path,ms,trace\n", uint64(1)
	for n := int64(0); n < size; {
		if left := size - n; int64(len(line)) > left {
			line = line[:left]
		}
		k, err := w.WriteString(line)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		n += int64(k)
		state = state*6364136223846793005 + 1442695040888963407
		line = fmt.Sprintf("2026-01-%02dT%02d:%02d:%02dZ,info,%d,/v1/items/%d,%d,%016x\n",
			state>>60+1, state>>33%24, state>>40%60, state>>50%60, state>>20%100000, state>>30%5000, state>>45%900, state)
	}
	return errors.Join(w.Flush(), f.Sync(), f.Close())
}

// Source serves one file over HTTP, with ranges and an ETag, and counts what it
// hands out.
type Source struct {
	// URL is the address of the file.
	URL string

	served atomic.Int64
	server *http.Server
}

// Serve serves the file at path until Close.
func Serve(path string) (*Source, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Source{URL: "http://" + l.Addr().String() + "/input.csv"}
	s.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(path)
			if err != nil {
				http.Error(w, "gone", http.StatusNotFound)
				return
			}
			defer f.Close()
			w.Header().Set("ETag", `"one"`)
			http.ServeContent(w, r, "input.csv", time.Time{}, &counted{f, &s.served})
		})}
	go func() { _ = s.server.Serve(l) }() // ends with Close
	return s, nil
}

// Served is how many bytes were read to be handed out.
func (s *Source) Served() int64 { return s.served.Load() }

// Close stops serving.
func (s *Source) Close() error { return s.server.Close() }

type counted struct {
	io.ReadSeeker
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	c.n.Add(int64(n))
	return n, err
}
