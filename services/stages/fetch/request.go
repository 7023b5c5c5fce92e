package fetch

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/tracing"
)

// follow asks for a file, where it was moved to as well, and returns the answer
// that has it, or says that there is no rest of it, and where that came from.
//
// With a place it asks for what is missing beyond size bytes, where it was found
// before. Elsewhere it asks for the whole file.
func (g *fetching) follow(
	ctx context.Context, first *url.URL, p *place, size int64,
) (*http.Response, *url.URL, error) {
	u := first
	for range g.config.MaxRedirects + 1 {
		ranged := http.Header{}
		if p != nil && p.Version.isAt(u) {
			ranged.Set("Range", "bytes="+strconv.FormatInt(size, 10)+"-")
			ranged.Set("If-Range", p.Version.condition())
		}
		resp, err := g.request(ctx, first, u, ranged)
		if err != nil {
			return nil, nil, err
		}
		if !moved(resp.StatusCode) {
			return resp, u, nil
		}
		_ = resp.Body.Close() // not wanted
		next, err := target(u, resp)
		if err != nil {
			return nil, nil, err
		}
		u = next
	}
	return nil, nil, fault.New(fault.FetchTooManyRedirects, shown(first), nil)
}

// request asks for what is at u, through the breaker of its host. Only an answer
// that has a file or says where it is returns without an error.
func (g *fetching) request(
	ctx context.Context, first, u *url.URL, ranged http.Header,
) (*http.Response, error) {
	bare := *u
	bare.User, bare.Fragment = nil, ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, fault.New(fault.SubmitBadSource, "the url cannot be asked for", nil)
	}
	maps.Copy(req.Header, ranged)
	req.Header.Set("User-Agent", "millrace")
	tracing.Inject(ctx, req.Header)
	req.Header.Set("Accept-Encoding", "identity")
	if user := first.User; user != nil && first.Scheme == u.Scheme && first.Host == u.Host {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	var resp *http.Response
	err = g.breakers.Do(ctx, dependency(u), func(context.Context) error {
		answer, err := g.transport.RoundTrip(req) // in ctx: the body outlives this call
		if err != nil {
			return dialFault(ctx, u, err)
		}
		if err := statusFault(u, answer, len(ranged) > 0); err != nil {
			_ = answer.Body.Close() // not wanted
			return err
		}
		resp = answer
		return nil
	})
	return resp, err
}

// dependency is how breakers, rules and faults name the host of an address.
func dependency(u *url.URL) string { return "http:" + u.Host }

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
