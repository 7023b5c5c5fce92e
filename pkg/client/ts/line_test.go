package ts_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// line is what lies between the page and the mill. It notes what is asked and breaks where
// it is told to.
type line struct {
	mu   sync.Mutex
	seen []request
	cuts []cut
	// read has an entry for each time that the page has said so.
	read chan struct{}
}

// request is one that went over the line.
type request struct {
	method, path, query string
	header              http.Header
}

// cut is where the line breaks: after so many bytes of the body that is sent, or of the
// answer, of the first requests that fit.
type cut struct {
	method, part string // of the path
	after        int
	sent         bool // of what is sent
	times        int
	// waits lets the line break only when the page has said that it has read what came,
	// because a browser drops what nobody has read.
	waits bool
}

// breaks lets the line break.
func (l *line) breaks(c cut) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cuts = append(l.cuts, c)
}

// requests returns those of a method whose path has a part, so far.
func (l *line) requests(method, part string) []request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.seen), func(r request) bool {
		return r.method != method || !strings.Contains(r.path, part)
	})
}

// left is how many cuts have not happened.
func (l *line) left() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.cuts {
		n += c.times
	}
	return n
}

// next takes the cut that a request meets.
func (l *line) next(r *http.Request, sent bool) (c cut, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.cuts {
		c := &l.cuts[i]
		if c.times > 0 && c.sent == sent && c.method == r.Method && strings.Contains(r.URL.Path, c.part) {
			c.times--
			return *c, true
		}
	}
	return cut{}, false
}

func (l *line) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.seen = append(l.seen, request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone()})
		l.mu.Unlock()
		if c, ok := l.next(r, true); ok {
			r.Body = &broken{ReadCloser: r.Body, left: c.after}
		}
		next.ServeHTTP(w, r)
	})
}

// answer breaks the line while the mill speaks.
func (l *line) answer(r *http.Response) error {
	c, ok := l.next(r.Request, false)
	if !ok {
		return nil
	}
	b := &broken{ReadCloser: r.Body, left: c.after}
	if c.waits {
		b.wait = func() {
			select {
			case <-l.read:
			case <-r.Request.Context().Done():
			}
		}
	}
	r.Body = b
	return nil
}

// broken ends after some bytes.
type broken struct {
	io.ReadCloser
	left int
	wait func() // before it ends; may be nil
}

var errCut = errors.New("the line is cut")

// Read reads what is left.
func (b *broken) Read(p []byte) (int, error) {
	if b.left == 0 {
		if b.wait != nil {
			b.wait()
		}
		return 0, errCut
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
