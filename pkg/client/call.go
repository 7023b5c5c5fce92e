package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// maxAnswer bounds a JSON answer that is read as a whole.
const maxAnswer = 64 << 20

// call is one request, as often as it must be made.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	// body is the content; open makes it anew for each try when it is a stream.
	body []byte
	open func() (io.ReadCloser, error)
	// size is the length of what open returns; negative when it is not known.
	size int64
	// once says that the request must not be repeated after it may have arrived,
	// and that open cannot be called again.
	once bool
}

// answered are the answers that are not refusals.
func answered(status int) bool {
	return status < 300 || status == http.StatusNotModified
}

// do makes the request until there is an answer, and returns it when it is not a
// refusal. The caller closes its body.
func (c *Client) do(ctx context.Context, k call) (*http.Response, error) {
	var pause backoff
	for try := 1; ; try++ {
		r, err := c.attempt(ctx, k)
		if err == nil {
			return r, nil
		}
		if try >= c.cfg.Tries || !k.again(err) {
			return nil, err
		}
		if !pause.wait(ctx, fault.From(err).RetryAfter) {
			return nil, err
		}
	}
}

// attempt makes the request a single time.
func (c *Client) attempt(ctx context.Context, k call) (*http.Response, error) {
	req, err := c.request(ctx, k)
	if err != nil {
		return nil, err
	}
	r, err := c.http.Do(req)
	if err != nil {
		return nil, c.broken(ctx, k, err)
	}
	if answered(r.StatusCode) {
		return r, nil
	}
	defer discard(r)
	if r.StatusCode < 400 {
		return nil, fault.New(fault.ClientBadAnswer, "it answers "+clipped(r.Status), nil)
	}
	return nil, refusal(r)
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	address := c.base.String() + k.path
	if len(k.query) > 0 {
		address += "?" + k.query.Encode()
	}
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, address, body)
	if err != nil {
		return nil, fault.New(fault.ClientUnreachable, "make a request for "+clipped(k.path), nil)
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if k.open != nil {
		if err := k.stream(req); err != nil {
			return nil, err
		}
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	if c.cfg.Tenant != "" {
		req.Header.Set(api.HeaderTenant, c.cfg.Tenant)
	}
	return req, nil
}

// stream lets a request send what open returns.
func (k call) stream(req *http.Request) error {
	body, err := k.open()
	if err != nil {
		return err
	}
	req.Body, req.ContentLength = body, k.size
	if k.size == 0 {
		req.Body = http.NoBody
		return body.Close()
	}
	if k.size < 0 || k.size > 1<<20 {
		// A server that refuses can say so before all of it is sent.
		req.Header.Set("Expect", "100-continue")
	}
	return nil
}

// broken is the error of a request that got no answer.
func (c *Client) broken(ctx context.Context, k call, err error) error {
	doing := k.method + " " + c.Server() + k.path
	if ctx.Err() != nil {
		return ended(ctx, doing)
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f // the body's own
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address, which is in the detail
	}
	if notSent(err) {
		return fault.New(fault.ClientUnreachable, doing, err)
	}
	return fault.New(fault.ClientInterrupted, doing, err)
}

// ended is the error of a call whose context has ended: the cause when that is a
// fault, else client.interrupted around it.
func ended(ctx context.Context, doing string) error {
	var f *fault.Error
	cause := context.Cause(ctx)
	if errors.As(cause, &f) {
		return f
	}
	return fault.New(fault.ClientInterrupted, doing, cause)
}

// notSent reports whether a request cannot have reached a server.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// again reports whether a failed request should be made once more.
func (k call) again(err error) bool {
	if k.once && k.open != nil {
		return false // the content is gone
	}
	switch fault.From(err).Code {
	case fault.ClientUnreachable, fault.HTTPNotReady, fault.HTTPTooBusy:
		return true // nothing was done
	case fault.ClientInterrupted, fault.BusTimeout, fault.BusUnreachable, fault.SubmitRefused,
		fault.FetchChanged:
		return !k.once
	}
	return false
}

// get asks for JSON.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.json(ctx, call{method: http.MethodGet, path: path, query: query}, into)
}

// json makes the request and decodes its answer, both as JSON.
func (c *Client) json(ctx context.Context, k call, into any) error {
	r, err := c.do(ctx, k)
	if err != nil {
		return err
	}
	defer discard(r)
	return decode(r, into)
}

func decode(r *http.Response, into any) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return fault.New(fault.ClientInterrupted, "read the answer", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.New(fault.ClientBadAnswer, fmt.Sprintf("decode %d bytes", len(data)), err)
	}
	return nil
}

// discard lets the connection be used again when little is left of the answer.
func discard(r *http.Response) {
	// An error here only costs the connection.
	_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
	_ = r.Body.Close()
}
