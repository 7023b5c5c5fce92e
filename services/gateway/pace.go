package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// pace bounds how long a peer may keep us waiting: for every quota of bytes, one
// window. Time in which nobody waits for the peer does not count.
type pace struct {
	window time.Duration
	quota  int
	left   time.Duration
	moved  int
}

func newPace(l Limits) pace {
	quota := int(float64(l.MinRate) * l.RateWindow.Seconds())
	return pace{window: l.RateWindow, quota: max(quota, 1), left: l.RateWindow}
}

// count notes that n bytes took some time.
func (p *pace) count(n int, took time.Duration) {
	p.moved += n
	p.left -= took
	if p.moved >= p.quota {
		p.moved, p.left = 0, p.window
	}
}

// pacedBody is the body of a request whose sender is cut off when it is too slow.
type pacedBody struct {
	io.ReadCloser
	rc   *http.ResponseController
	pace pace
	// ended is true after the end of the body, failed what kept it from there.
	ended  bool
	failed error
	// got counts the bytes that were read.
	got int64
}

// Read reads the body. Faults: http.too_slow, and http.bad_request for a body that
// ends early.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	start := time.Now()
	// Where deadlines are not supported, in tests of handlers, nobody is slow.
	_ = b.rc.SetReadDeadline(start.Add(b.pace.left))
	n, err := b.ReadCloser.Read(p)
	b.pace.count(n, time.Since(start))
	b.got += int64(n)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		// From here on the server itself reads, to notice when the client goes.
		b.ended = true
		_ = b.rc.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.failed = fault.New(fault.HTTPTooSlow, "", nil)
		err = b.failed
	default:
		b.failed = fault.New(fault.HTTPBadRequest, "the body ends early", err)
		err = b.failed
	}
	return n, err
}

// pacedWriter is an answer whose reader is cut off when it is too slow.
type pacedWriter struct {
	http.ResponseWriter
	rc   *http.ResponseController
	pace pace
	// status is 0 until the header is written, which is at began.
	status int
	began  time.Time
	// sent counts the bytes that were written.
	sent int64
}

// Unwrap is for [http.ResponseController].
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader writes the header.
func (w *pacedWriter) WriteHeader(status int) {
	if status >= 200 {
		w.begin(status)
	}
	w.arm()
	w.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the answer. It does so in pieces of one quota each, because
// a write either moves everything before its deadline or fails.
func (w *pacedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	total := 0
	for {
		piece := p[total:min(total+w.pace.quota, len(p))]
		start := w.arm()
		n, err := w.ResponseWriter.Write(piece)
		w.pace.count(n, time.Since(start))
		total += n
		w.sent += int64(n)
		if err != nil || total == len(p) {
			return total, err
		}
	}
}

// begin notes what the answer is and when it began.
func (w *pacedWriter) begin(status int) { w.status, w.began = status, time.Now() }

// flush sends what was written.
func (w *pacedWriter) flush() error {
	start := w.arm()
	err := w.rc.Flush()
	w.pace.count(0, time.Since(start))
	return err
}

// arm sets the deadline for what is sent next.
func (w *pacedWriter) arm() time.Time {
	now := time.Now()
	_ = w.rc.SetWriteDeadline(now.Add(w.pace.left))
	return now
}
