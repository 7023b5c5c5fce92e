package client

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// pollSeconds is how long one request of Wait waits at the server.
const pollSeconds = 30

// Wait returns a job when it is final. It bears a server that does not answer for
// as long as the client's patience, for example while it restarts. Faults:
// job.not_found, those of http and client, and that of ctx when it ends first.
func (c *Client) Wait(ctx context.Context, id string) (*api.Job, error) {
	return c.WaitFor(ctx, id, func(j *api.Job) bool { return flow.Final(j.Job.State) })
}

// WaitFor returns a job when done says so. done is called with every revision that
// is seen, not with every revision that there is. Faults: as for [Client.Wait].
func (c *Client) WaitFor(
	ctx context.Context, id string, done func(*api.Job) bool,
) (*api.Job, error) {
	outage := outage{patience: c.cfg.Patience}
	var known uint64
	for {
		j, err := c.poll(ctx, id, known)
		if err != nil {
			if !outage.bear(ctx, err) {
				return nil, err
			}
			continue
		}
		outage.end()
		if j == nil {
			continue
		}
		if done(j) {
			return j, nil
		}
		known = j.Revision
	}
}

// poll returns a job that is newer than a known revision, or nil when there was
// none for a while.
func (c *Client) poll(ctx context.Context, id string, known uint64) (*api.Job, error) {
	h := http.Header{}
	if known > 0 {
		h.Set("If-None-Match", etag(known))
		h.Set("Prefer", fmt.Sprintf("wait=%d", pollSeconds))
	}
	r, err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id), header: h})
	if err != nil {
		return nil, err
	}
	defer discard(r)
	if r.StatusCode == http.StatusNotModified {
		return nil, nil
	}
	var j api.Job
	if err := decode(r, &j); err != nil {
		return nil, err
	}
	return &j, nil
}

// outage measures how long the server has not answered.
type outage struct {
	patience time.Duration // negative: for ever
	since    time.Time
	pause    backoff
}

// bear waits a little and returns true when the call should be made again.
func (o *outage) bear(ctx context.Context, err error) bool {
	if ctx.Err() != nil || !passing(err) {
		return false
	}
	if o.since.IsZero() {
		o.since = time.Now()
	}
	if o.patience >= 0 && time.Since(o.since) > o.patience {
		return false
	}
	return o.pause.wait(ctx, fault.From(err).RetryAfter)
}

func (o *outage) end() {
	o.since = time.Time{}
	o.pause.reset()
}

// passing reports whether an error can go away while somebody waits.
func passing(err error) bool {
	switch fault.ClassOf(err) {
	case fault.Transient, fault.RateLimited, fault.DependencyDown, fault.Timeout:
		return true
	}
	return false
}
