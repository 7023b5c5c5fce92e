package upload

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/millrace/millrace/pkg/fault"
)

// request is what one request says and what is found out about it, on its way
// through the protocol's handler, which hands the context on.
type request struct {
	tenant, method string
	// Of a request that begins an upload.
	plan     Plan
	metadata string
	// Of a request with bytes. length is -1 when it is not known.
	sum    *checksum
	length int64

	// upload is the one that the request is about, once that is known.
	upload *upload
	// err is why the store gave up, and body why there were no more bytes.
	err, body error
	// stopped is set when another request wants the upload, reading while this one
	// waits for bytes.
	stopped, reading atomic.Bool
	// got counts the bytes of the body.
	got atomic.Int64
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	q, _ := ctx.Value(requestKey{}).(*request)
	return q
}

// note remembers an error of the store before the handler turns it into a text.
func (q *request) note(err error) error {
	if err != nil && q.err == nil {
		q.err = err
	}
	return err
}

// watched is a body that ends when another request wants the upload. Why it ended is
// remembered: the handler tells the store that all is well when the client is gone.
type watched struct {
	io.ReadCloser
	q *request
}

// Read reads the body.
func (w watched) Read(p []byte) (n int, err error) {
	w.q.reading.Store(true)
	defer w.q.reading.Store(false)
	if w.q.stopped.Load() {
		err = errStopped
	} else {
		n, err = w.ReadCloser.Read(p)
		w.q.got.Add(int64(n))
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	if w.q.body == nil {
		w.q.body = err
	}
	return n, err
}

var errStopped = errors.New("another request took the upload over")

func interrupted(cause error) error {
	return fault.New(fault.UploadInterrupted, "", cause)
}
