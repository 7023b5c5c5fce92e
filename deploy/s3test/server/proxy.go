package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Request is one request that went to a [Proxy].
type Request struct {
	// N counts the requests of the proxy from 1.
	N int
	// Op is what S3 calls it, such as UploadPart; Key is the object, and Part
	// the number of the part. Empty and 0 mean that it has none.
	Op, Key string
	Part    int
	// Bytes is the size of the body.
	Bytes int64
}

// Verdict is what a [Proxy] does with a request.
type Verdict struct {
	// Cut breaks the connection: with Pass after the server has carried the
	// request out, so that only the answer is lost, and otherwise before the
	// server sees it.
	Cut, Pass bool
	// Dead makes the proxy cut all requests from this one on, as those of a
	// process that died.
	Dead bool
	// Status, unless 0, is answered instead of asking the server, with Code as
	// the code of the error and RetryAfter, unless empty, as that header.
	Status           int
	Code, RetryAfter string
	// Wait is how long the request is held back first, and Until, unless nil, is
	// closed when it is let go.
	Wait  time.Duration
	Until <-chan struct{}
}

// Proxy stands before a server and asks what to do with every request.
type Proxy struct {
	// URL is the address to use instead of the server's.
	URL string

	http    *http.Server
	forward *httputil.ReverseProxy
	done    chan struct{}

	mu     sync.Mutex
	decide func(Request) Verdict
	seen   []Request
	dead   bool
}

// NewProxy starts a proxy before the server at the address target, which lets
// everything through. Whoever starts it closes it.
func NewProxy(target string) (*Proxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{URL: "http://" + l.Addr().String(), done: make(chan struct{})}
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = u.Scheme, u.Host
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{DisableCompression: true, ExpectContinueTimeout: time.Minute},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // as if the proxy were not there
		},
	}
	p.http = &http.Server{Handler: http.HandlerFunc(p.serve)}
	go func() {
		defer close(p.done)
		_ = p.http.Serve(l) // until Close
	}()
	return p, nil
}

// Close breaks all connections and ends the proxy. It may be called twice.
func (p *Proxy) Close() {
	_ = p.http.Close() // there is nothing to lose
	<-p.done
	p.forward.Transport.(*http.Transport).CloseIdleConnections()
}

// Decide makes decide what the proxy asks about every request from now on, one at
// a time. Nil lets everything through.
func (p *Proxy) Decide(decide func(Request) Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = decide
}

// Die makes the proxy cut all requests, those on their way too.
func (p *Proxy) Die() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
}

// Seen returns the requests so far, in the order in which they came.
func (p *Proxy) Seen() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.seen...)
}

// Count is how many requests of an operation there were so far.
func (p *Proxy) Count(op string) int {
	n := 0
	for _, r := range p.Seen() {
		if r.Op == op {
			n++
		}
	}
	return n
}

// judge notes a request and returns what to do with it.
func (p *Proxy) judge(r *http.Request) Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := describe(r)
	q.N = len(p.seen) + 1
	p.seen = append(p.seen, q)
	var v Verdict
	if p.decide != nil {
		v = p.decide(q)
	}
	if p.dead {
		return Verdict{Cut: true}
	}
	p.dead = v.Dead
	return v
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	v := p.judge(r)
	v.hold(r.Context())
	switch {
	case v.Cut && v.Pass:
		lost := r.WithContext(context.WithoutCancel(r.Context())) // the server is to finish
		p.forward.ServeHTTP(&nowhere{header: http.Header{}}, lost)
		panic(http.ErrAbortHandler)
	case v.Cut:
		panic(http.ErrAbortHandler)
	case v.Status != 0:
		refuse(w, r, v)
		return
	}
	p.forward.ServeHTTP(w, r)
	p.mu.Lock()
	dead := p.dead
	p.mu.Unlock()
	if dead {
		panic(http.ErrAbortHandler) // whoever asked is no more
	}
}

// hold waits as the verdict says, or until ctx ends.
func (v Verdict) hold(ctx context.Context) {
	t := time.NewTimer(v.Wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	if v.Until != nil {
		select {
		case <-v.Until:
		case <-ctx.Done():
		}
	}
}

// refuse answers as an S3 server does that refuses a request.
func refuse(w http.ResponseWriter, r *http.Request, v Verdict) {
	_, _ = io.Copy(io.Discard, r.Body) // as far as it comes
	if v.RetryAfter != "" {
		w.Header().Set("Retry-After", v.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(v.Status)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>`+v.Code+
		`</Code><Message>made up by the proxy</Message></Error>`)
}

// nowhere is where answers are lost.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// describe says what a request is.
func describe(r *http.Request) Request {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	part, _ := strconv.Atoi(q.Get("partNumber")) // 0 when there is none
	return Request{Op: operation(r, key, q), Key: key, Part: part, Bytes: max(0, r.ContentLength)}
}

// operation is what S3 calls a request.
func operation(r *http.Request, key string, q url.Values) string {
	upload, uploads, copied := q.Has("uploadId"), q.Has("uploads"), r.Header.Get("X-Amz-Copy-Source") != ""
	switch r.Method {
	case http.MethodHead:
		return "HeadObject"
	case http.MethodPost:
		if uploads {
			return "CreateMultipartUpload"
		}
		return "CompleteMultipartUpload"
	case http.MethodDelete:
		if upload {
			return "AbortMultipartUpload"
		}
		return "DeleteObject"
	case http.MethodPut:
		switch {
		case upload && copied:
			return "UploadPartCopy"
		case upload:
			return "UploadPart"
		case copied:
			return "CopyObject"
		}
		return "PutObject"
	}
	switch {
	case uploads:
		return "ListMultipartUploads"
	case upload:
		return "ListParts"
	case key == "":
		return "ListObjects"
	}
	return "GetObject"
}
