package stage

import (
	"context"
	"io"
	"sync"
)

// Meter counts the bytes that an attempt has worked through and reports them as
// its progress. It is safe for concurrent use.
type Meter struct {
	report func(done, total int64, unit string)
	total  int64

	mu   sync.Mutex // held while reporting, so that reports never go backwards
	done int64
}

// Meter returns a meter for total bytes; 0 means that the total is unknown.
func (t *Task) Meter(total int64) *Meter { return &Meter{report: t.Report, total: total} }

// Add counts n more bytes and reports.
func (m *Meter) Add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	if m.report != nil {
		m.report(m.done, m.total, "bytes")
	}
}

// Done returns the bytes counted so far.
func (m *Meter) Done() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// Reader returns a reader that counts what is read from r. Once ctx has ended,
// it returns the cause instead of reading.
func (m *Meter) Reader(ctx context.Context, r io.Reader) io.Reader {
	return &meteredReader{m: m, ctx: ctx, r: r}
}

// Writer returns a writer that counts what is written to w. Once ctx has ended,
// it returns the cause instead of writing.
func (m *Meter) Writer(ctx context.Context, w io.Writer) io.Writer {
	return &meteredWriter{m: m, ctx: ctx, w: w}
}

type meteredReader struct {
	m   *Meter
	ctx context.Context // of one attempt, as long as the reader
	r   io.Reader
}

func (r *meteredReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	r.m.Add(int64(n))
	return n, err
}

type meteredWriter struct {
	m   *Meter
	ctx context.Context // of one attempt, as long as the writer
	w   io.Writer
}

func (w *meteredWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.w.Write(p)
	w.m.Add(int64(n))
	return n, err
}
