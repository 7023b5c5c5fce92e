package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Job returns a job as it is now. Faults: job.not_found, those of http and client.
func (c *Client) Job(ctx context.Context, id string) (*api.Job, error) {
	var j api.Job
	if err := c.get(ctx, jobPath(id), nil, &j); err != nil {
		return nil, err
	}
	return &j, nil
}

// List returns one page of jobs. With a filter that leaves little it can hold fewer
// than asked for, or none, and still name a next one. Faults: http.bad_request,
// view.unavailable and those of http and client.
func (c *Client) List(ctx context.Context, q api.JobQuery) (*api.JobPage, error) {
	var p api.JobPage
	if err := c.get(ctx, "/v1/jobs", q.Values(), &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// Jobs returns all jobs that q asks for, page by page as they are needed. It ends
// after the first error. Jobs that are submitted meanwhile are not among them.
func (c *Client) Jobs(ctx context.Context, q api.JobQuery) iter.Seq2[api.JobItem, error] {
	return pages(q.Cursor, func(cursor string) ([]api.JobItem, string, error) {
		q.Cursor = cursor
		p, err := c.List(ctx, q)
		if err != nil {
			return nil, "", err
		}
		return p.Jobs, p.NextCursor, nil
	})
}

// Records returns the history of a job, oldest first, as it is now. It ends after
// the first error. Faults: job.not_found, those of http and client.
func (c *Client) Records(ctx context.Context, id string) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		r, err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id) + "/events"})
		if err != nil {
			yield(events.Record{}, err)
			return
		}
		defer discard(r)
		d := json.NewDecoder(r.Body)
		if _, err := d.Token(); err != nil {
			yield(events.Record{}, fault.New(fault.ClientBadAnswer, "read the history", err))
			return
		}
		for d.More() {
			var rec events.Record
			if err := d.Decode(&rec); err != nil {
				yield(events.Record{}, fault.New(fault.ClientInterrupted, "read the history", err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
		if _, err := d.Token(); err != nil {
			yield(events.Record{}, fault.New(fault.ClientInterrupted, "read the history", err))
		}
	}
}

func jobPath(id string) string { return "/v1/jobs/" + url.PathEscape(id) }

func etag(revision uint64) string { return strconv.Quote(strconv.FormatUint(revision, 10)) }
