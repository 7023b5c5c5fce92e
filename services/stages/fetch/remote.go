package fetch

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// remote fetches a file over HTTP.
func (g *fetching) remote(ctx context.Context, w wanted) (events.File, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	resp, err := g.follow(ctx, w.url)
	if err != nil {
		return events.File{}, err
	}
	defer resp.Body.Close()
	if limit := int64(g.config.MaxBytes); limit > 0 && resp.ContentLength > limit {
		return events.File{}, fault.New(fault.FetchTooLarge, shown(w.url), nil)
	}
	o := &artifact.PutOptions{Name: w.name, MediaType: w.MediaType}
	if o.MediaType == "" {
		o.MediaType = declared(resp.Header.Get("Content-Type"))
	}
	body := newWatched(resp.Body, time.Duration(g.config.Stall), func() {
		stop(fault.New(fault.FetchStalled, shown(w.url), nil))
	})
	defer body.stop()
	return g.transfer(ctx, w.url, resp, body, o)
}

// transfer stores the body of an answer.
func (g *fetching) transfer(
	ctx context.Context, u *url.URL, resp *http.Response, body io.Reader, o *artifact.PutOptions,
) (events.File, error) {
	content := &limited{r: g.meter.Reader(ctx, body), limit: int64(g.config.MaxBytes)}
	out := g.task.Store.Create(ctx, o)
	defer out.Abort()
	n, err := out.ReadFrom(content)
	switch {
	case ctx.Err() != nil:
		return events.File{}, context.Cause(ctx)
	case content.passed:
		return events.File{}, fault.New(fault.FetchTooLarge, shown(u), nil)
	case content.err != nil, err == nil && resp.ContentLength >= 0 && n != resp.ContentLength:
		return events.File{}, fault.New(fault.FetchTruncated,
			shown(u)+" after "+strconv.FormatInt(n, 10)+" bytes", content.err)
	case err != nil:
		return events.File{}, err
	}
	return out.Commit()
}

// limited is a reader that ends when its limit is passed; a limit of 0 is none.
// It remembers why it failed, to tell the source from the store.
type limited struct {
	r           io.Reader
	done, limit int64
	passed      bool
	err         error
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.done += int64(n)
	if l.limit > 0 && l.done > l.limit {
		l.passed = true
		return 0, io.EOF
	}
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// follow asks for a file, where it was moved to as well, and returns the answer
// that has it.
func (g *fetching) follow(ctx context.Context, first *url.URL) (*http.Response, error) {
	u := first
	for range g.config.MaxRedirects + 1 {
		resp, err := g.ask(ctx, first, u)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		_ = resp.Body.Close() // not wanted
		next, err := target(u, resp)
		if err != nil {
			return nil, err
		}
		u = next
	}
	return nil, fault.New(fault.FetchTooManyRedirects, shown(first), nil)
}

// ask asks for what is at u, through the breaker of its host. Only an answer
// that has a file or says where it is returns without an error.
func (g *fetching) ask(ctx context.Context, first, u *url.URL) (*http.Response, error) {
	bare := *u
	bare.User, bare.Fragment = nil, ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, fault.New(fault.SubmitBadSource, "the url cannot be asked for", nil)
	}
	req.Header.Set("User-Agent", "millrace")
	req.Header.Set("Accept-Encoding", "identity")
	if user := first.User; user != nil && first.Scheme == u.Scheme && first.Host == u.Host {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	var resp *http.Response
	err = g.breakers.Do(ctx, "http:"+u.Host, func(context.Context) error {
		answer, err := g.transport.RoundTrip(req) // in ctx: the body outlives this call
		if err != nil {
			return dialFault(ctx, u, err)
		}
		if err := statusFault(u, answer); err != nil {
			_ = answer.Body.Close() // not wanted
			return err
		}
		resp = answer
		return nil
	})
	return resp, err
}

// target returns where an answer says that the file is. It may lead to https
// from http, and not back.
func target(u *url.URL, resp *http.Response) (*url.URL, error) {
	next, err := u.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" || next.Hostname() == "" {
		return nil, fault.New(fault.FetchRejected, shown(u)+" redirects to no address", nil)
	}
	if next.Scheme != "https" && (next.Scheme != "http" || u.Scheme == "https") {
		return nil, fault.New(fault.FetchRejected, shown(u)+" redirects to where it is less safe", nil)
	}
	return next, nil
}
