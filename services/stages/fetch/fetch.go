// Package fetch is the stage that brings the job's files into the store: from
// http and https addresses, from files below the folders that the operator
// allowed, from what came with the submission, and from what the store already
// holds, which is not read again.
//
// It reaches no private address and no file outside those folders, whatever a
// name resolves to, an address redirects to or a link points at. It uses no
// proxy and no cookies, and nothing is decompressed on the way.
//
// What it hands on is complete: a transfer that ends before the announced length,
// and a local file that vanishes, shrinks, grows or is written to while it is
// read, are faults. In a fault an address appears without user, query and
// fragment, which may hold secrets.
package fetch

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// atOnce is how many sources of a task are fetched at once.
const atOnce = 4

// Options say what may be fetched.
type Options struct {
	// AllowPaths are the folders below which file:// sources may be read. None
	// means that no local file may be.
	AllowPaths []string
	// AllowPrivateNetworks lets addresses resolve to loopback, private and
	// link-local networks.
	AllowPrivateNetworks bool
	// Breakers keep hosts apart that do not answer. They are asked for the
	// answer to a request, not for the transfer. Nil means breakers of the
	// stage's own.
	Breakers *breaker.Registry
	// RootCAs are who may vouch for https hosts. Nil means the system's.
	RootCAs *x509.CertPool
}

// New returns the stage fetch@1. It keeps idle connections, which its Close ends.
func New(o Options) stage.Stage {
	allow := public
	if o.AllowPrivateNetworks {
		allow = nil
	}
	return newFetcher(o, newTransport(allow, o.RootCAs))
}

func newFetcher(o Options, transport *http.Transport) *fetcher {
	f := &fetcher{
		roots: NewRoots(o.AllowPaths), breakers: o.Breakers, transport: transport, spec: spec(),
	}
	if f.breakers == nil {
		// The header of an answer has a time limit of its own.
		f.breakers = breaker.New(breaker.Options{Timeout: -1})
	}
	return f
}

type fetcher struct {
	roots     Roots
	breakers  *breaker.Registry
	transport *http.Transport
	spec      stage.Spec
}

func (f *fetcher) Spec() stage.Spec { return f.spec }

// Close ends idle connections. It may be called at any time, and again.
func (f *fetcher) Close() error {
	f.transport.CloseIdleConnections()
	return nil
}

// Run fetches the sources. Files that other steps hand in are passed on when
// there are no sources.
func (f *fetcher) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	c := config{Stall: stage.Duration(30 * time.Second), MaxRedirects: 5}
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	files := t.Files
	if len(t.Sources) > 0 {
		wanted, err := wantedOf(t.Sources, c.Expect)
		if err != nil {
			return stage.Result{}, err
		}
		g := &fetching{fetcher: f, task: t, config: c, meter: t.Meter(knownSize(t.Sources))}
		if files, err = g.all(ctx, wanted); err != nil {
			return stage.Result{}, err
		}
	} else if _, err := t.Inputs(); err != nil {
		return stage.Result{}, err
	}
	return stage.Result{Files: files, Findings: map[string]string{
		"files": strconv.Itoa(len(files)), "bytes": strconv.FormatInt(stage.Size(files), 10),
	}}, nil
}

// fetching is one attempt.
type fetching struct {
	*fetcher
	task   *stage.Task
	config config
	meter  *stage.Meter
}

// wanted is a source with the name its file gets and, unless empty, the digest
// it must have.
type wanted struct {
	events.Source
	url    *url.URL // nil unless the source is an address
	name   string
	digest string
}

// wantedOf names the sources.
func wantedOf(sources []events.Source, expect map[string]string) ([]wanted, error) {
	all := make([]wanted, len(sources))
	taken := names{}
	matched := 0
	for i, src := range sources {
		w := wanted{Source: src}
		raw := src.Name
		if src.URL != "" {
			u, err := parseURL(src.URL)
			if err != nil {
				return nil, about(i, len(sources), err)
			}
			if w.url = u; raw == "" {
				raw = lastPart(u)
			}
		}
		w.name = taken.unique(artifact.CleanName(raw))
		if w.digest = expect[w.name]; w.digest != "" {
			matched++
		}
		all[i] = w
	}
	if matched < len(expect) {
		return nil, fault.New(fault.FetchMismatch, "expect names a file that no source gives", nil)
	}
	return all, nil
}

// all fetches some sources at a time, until one fails.
func (g *fetching) all(ctx context.Context, sources []wanted) ([]events.File, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	files := make([]events.File, len(sources))
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func() {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(sources) {
				return
			}
			f, err := g.one(ctx, sources[i])
			if err != nil {
				stop(about(i, len(sources), err))
				return
			}
			files[i] = f
		}
	}
	for range min(atOnce, len(sources)) {
		wg.Go(work)
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return files, nil
}

// one fetches one source.
func (g *fetching) one(ctx context.Context, w wanted) (events.File, error) {
	f, err := g.content(ctx, w)
	switch {
	case err != nil:
		return f, err
	case w.digest != "" && f.Digest != w.digest:
		return f, fault.New(fault.FetchMismatch, fault.Clip(w.name, 80)+" has "+f.Digest+" and not "+w.digest, nil)
	case w.Size > 0 && f.Size != w.Size:
		return f, fault.New(fault.FetchMismatch, fault.Clip(w.name, 80)+" has "+
			strconv.FormatInt(f.Size, 10)+" bytes and not "+strconv.FormatInt(w.Size, 10), nil)
	}
	return f, nil
}

func (g *fetching) content(ctx context.Context, w wanted) (events.File, error) {
	switch {
	case w.Digest != "":
		return g.held(ctx, w)
	case w.url == nil:
		if limit := int64(g.config.MaxBytes); limit > 0 && int64(len(w.Inline)) > limit {
			return events.File{}, fault.New(fault.FetchTooLarge, w.name, nil)
		}
		return g.task.Store.Put(ctx, g.meter.Reader(ctx, bytes.NewReader(w.Inline)),
			&artifact.PutOptions{Name: w.name, MediaType: w.MediaType})
	case w.url.Scheme == "file":
		return g.local(ctx, w)
	}
	return g.remote(ctx, w)
}

// held passes on what the store already has.
func (g *fetching) held(ctx context.Context, w wanted) (events.File, error) {
	size, err := g.task.Store.Stat(ctx, w.Digest)
	if err != nil {
		return events.File{}, err
	}
	if limit := int64(g.config.MaxBytes); limit > 0 && size > limit {
		return events.File{}, fault.New(fault.FetchTooLarge, w.name, nil)
	}
	return events.File{Name: w.name, Digest: w.Digest, Size: size, MediaType: w.MediaType}, nil
}

// about says which of several sources an error is about.
func about(i, n int, err error) error {
	if n == 1 {
		return err
	}
	f := *fault.From(err)
	f.Detail = strings.TrimSuffix("source "+strconv.Itoa(i+1)+": "+f.Detail, ": ")
	return &f
}

// knownSize is how much there is to read, or 0 when that is not known.
func knownSize(sources []events.Source) int64 {
	var total int64
	for _, s := range sources {
		switch {
		case s.Digest != "":
		case s.URL == "":
			total += int64(len(s.Inline))
		case s.Size <= 0:
			return 0
		default:
			total += s.Size
		}
	}
	return total
}
