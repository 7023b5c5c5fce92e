package httpcall

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
)

// answer is a whole answer, of which no more than the limit was read.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	clipped bool
}

// exchange makes one request, through the breaker of its host, and lets judge say
// what the answer means. sent reports whether the other side may have seen
// anything of it.
func (w *work) exchange(
	ctx context.Context, r *request, key string, deadline time.Time, judge func(*answer) error,
) (got *answer, sent bool, _ error) {
	var out atomic.Bool
	err := w.breakers.Do(ctx, "http:"+r.url.Host, func(context.Context) error {
		limited, stop := context.WithDeadlineCause(ctx, deadline, fault.New(fault.HttpcallTimeout, shown(r.url), nil))
		defer stop()
		traced := httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { out.Store(true) },
		})
		req, err := r.build(traced, &w.cfg, key)
		if err != nil {
			return err
		}
		a, err := w.roundTrip(req)
		switch {
		case err == nil: // also when the time has just passed
			got = a
			return judge(a)
		case limited.Err() != nil:
			return fault.From(context.Cause(limited)) // that of ctx, if that has ended
		}
		return broken(r, err)
	})
	return got, out.Load(), err
}

// roundTrip sends a request and reads the answer.
func (w *work) roundTrip(req *http.Request) (*answer, error) {
	resp, err := w.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	limit := int(w.cfg.MaxAnswer)
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	a := &answer{status: resp.StatusCode, header: resp.Header, body: body}
	if len(body) > limit {
		a.body, a.clipped = body[:limit], true
		return a, nil
	}
	return a, err
}

// broken says why there is no whole answer.
func broken(r *request, err error) error {
	var dns *net.DNSError
	var op *net.OpError
	where := shown(r.url)
	switch {
	case fault.Has(err, fault.NetPrivateAddress):
		return fault.New(fault.NetPrivateAddress, where, nil)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.New(fault.HttpcallRejected, where+": no such host", nil)
	case netguard.Untrusted(err):
		return fault.New(fault.HttpcallUntrusted, where, nil)
	case errors.As(err, new(tls.RecordHeaderError)):
		return fault.New(fault.HttpcallRejected, where+" does not speak https", nil)
	case errors.As(err, &op) && op.Op == "dial":
		return fault.New(fault.HttpcallUnreachable, where, op.Err)
	case dns != nil:
		return fault.New(fault.HttpcallUnreachable, where+": the name cannot be looked up", nil)
	case op != nil:
		return fault.New(fault.HttpcallNoAnswer, where, op.Err)
	}
	// What the transport says of an answer that is none repeats it.
	return fault.New(fault.HttpcallNoAnswer, where, nil)
}
