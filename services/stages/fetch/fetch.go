// Package fetch is the stage that brings the job's files into the store: from
// http and https addresses, from files below the folders that the operator
// allowed, and from what the store already holds.
//
// It reaches no private address and no file outside those folders, whatever a
// name resolves to, an address redirects to or a link points at.
package fetch

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Options say what may be fetched.
type Options struct {
	// AllowPaths are the folders below which file:// sources may be read. None
	// means that no local file may be.
	AllowPaths []string
	// AllowPrivateNetworks lets addresses resolve to loopback, private and
	// link-local networks.
	AllowPrivateNetworks bool
	// Breakers keep hosts apart that do not answer. Nil means breakers of the
	// stage's own.
	Breakers *breaker.Registry
}

// New returns the stage.
func New(o Options) stage.Stage {
	f := &fetcher{roots: NewRoots(o.AllowPaths), breakers: o.Breakers, spec: spec()}
	if f.breakers == nil {
		// The header of an answer has a time limit of its own.
		f.breakers = breaker.New(breaker.Options{Timeout: -1})
	}
	f.transport = newTransport(o.AllowPrivateNetworks)
	return f
}

type fetcher struct {
	roots     Roots
	breakers  *breaker.Registry
	transport http.RoundTripper
	spec      stage.Spec
}

func (f *fetcher) Spec() stage.Spec { return f.spec }

// Run fetches the sources one after the other. Files that other steps hand in
// are passed on.
func (f *fetcher) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	c := config{Stall: stage.Duration(30 * time.Second), MaxRedirects: 5}
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	if len(t.Sources) == 0 {
		files, err := t.Inputs()
		return stage.Result{Files: files}, err
	}
	g := &fetching{fetcher: f, task: t, config: c, meter: t.Meter(knownSize(t.Sources)), taken: map[string]bool{}}
	var res stage.Result
	for i, src := range t.Sources {
		file, err := g.one(ctx, src)
		if err != nil {
			return stage.Result{}, about(i, len(t.Sources), err)
		}
		res.Files = append(res.Files, file)
	}
	res.Findings = map[string]string{
		"files": strconv.Itoa(len(res.Files)), "bytes": strconv.FormatInt(stage.Size(res.Files), 10),
	}
	return res, nil
}

// fetching is one attempt.
type fetching struct {
	*fetcher
	task   *stage.Task
	config config
	meter  *stage.Meter
	taken  map[string]bool // names
}

// one fetches one source.
func (g *fetching) one(ctx context.Context, src events.Source) (events.File, error) {
	if src.Digest != "" {
		return g.held(ctx, src)
	}
	u, err := url.Parse(src.URL)
	if err != nil {
		return events.File{}, fault.New(fault.SubmitBadSource, "the url cannot be read", nil)
	}
	name := src.Name
	if name == "" {
		name = artifact.CleanName(path.Base(u.Path))
	}
	switch u.Scheme {
	case "file":
		return g.local(ctx, u.Path, g.unique(name), src.MediaType)
	case "http", "https":
		return g.remote(ctx, u, g.unique(name), src.MediaType)
	}
	return events.File{}, fault.New(fault.SubmitBadSource, "the url is not a file, http or https address", nil)
}

// held passes on what the store already has.
func (g *fetching) held(ctx context.Context, src events.Source) (events.File, error) {
	size, err := g.task.Store.Stat(ctx, src.Digest)
	if err != nil {
		return events.File{}, err
	}
	name := src.Name
	if name == "" {
		name = "file"
	}
	return events.File{Name: g.unique(name), Digest: src.Digest, Size: size, MediaType: src.MediaType}, nil
}

// unique makes a name that no earlier file of the task has: a.txt, a-2.txt, ….
func (g *fetching) unique(name string) string {
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	for n := 2; g.taken[name]; n++ {
		name = artifact.CleanName(base + "-" + strconv.Itoa(n) + ext)
	}
	g.taken[name] = true
	return name
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

// knownSize is the size of all sources together, or 0 when one is not known.
func knownSize(sources []events.Source) int64 {
	var total int64
	for _, s := range sources {
		if s.Digest != "" {
			continue
		}
		if s.Size <= 0 {
			return 0
		}
		total += s.Size
	}
	return total
}
