package client

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// silence is how long a stream may be quiet before it is taken for dead; a gateway
// sends a heartbeat every 15 seconds.
const silence = 45 * time.Second

// follow reads a stream of events over as many connections as it takes. ask says what
// to ask for each time; hand is given every message, and reports whether that is
// enough. It returns nil then, and otherwise what has ended it.
func (c *Client) follow(
	ctx context.Context, doing string, o *outage, ask func() call, hand func(message) (enough bool, err error),
) error {
	for {
		enough, err := c.listen(ctx, doing, ask(), hand)
		if enough || !o.bear(ctx, err) {
			return err
		}
	}
}

// listen reads one connection until it is enough, or to its end, which is an error.
func (c *Client) listen(
	ctx context.Context, doing string, k call, hand func(message) (enough bool, err error),
) (enough bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() {
		cancel(fault.New(fault.ClientInterrupted, "the stream went silent", nil))
	})
	defer quiet.Stop()
	r, err := c.attempt(ctx, k)
	if err != nil {
		return false, err
	}
	defer func() { _ = r.Body.Close() }()
	s := newStream(r.Body, func() { quiet.Reset(silence) })
	for !enough {
		m, err := s.next()
		if err != nil {
			if ctx.Err() != nil {
				err = ended(ctx, doing)
			}
			return false, err
		}
		if enough, err = hand(m); err != nil {
			return false, err
		}
	}
	return true, nil
}

// streamCall asks for a stream of events, after a place unless that is the beginning.
func streamCall(path string, after uint64, resumes bool) call {
	k := call{method: http.MethodGet, path: path, header: http.Header{"Accept": {api.ContentTypeStream}}}
	if resumes {
		k.header.Set("Last-Event-ID", strconv.FormatUint(after, 10))
	}
	return k
}
