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
//
// A file goes on at the byte where it stopped, within an attempt and in the next
// one, if its source can tell that it still has the same file:
//
//	what happens                   | what is done
//	-------------------------------|----------------------------------------------
//	the process dies               | the next attempt goes on at the place that
//	                               | was saved last
//	a transfer is cut, stalls or   | the attempt asks for the rest; after
//	is reset                       | resumptions in a row that got no further, it
//	                               | fails, and the next one goes on
//	the file has changed since, or | it starts over; bytes of two versions never
//	nobody can tell whether        | meet
//	the server sends no strong     | it starts over after a crash, and a cut
//	ETag and no Last-Modified that | fails the attempt
//	is older than its answer, or   |
//	says weakly that it is so      |
//	the server ignores the range   | it starts over with the whole that was sent
//	the server sends another range | it starts over without asking for a range
//	than it was asked for, or not  |
//	of the same file               |
//	an address redirects elsewhere | it starts over: a tag means nothing there
//	a local file was written to,   | it starts over
//	replaced, or just had its mode |
//	or owner changed               |
//	a file that was gone on with   | it starts over once, then that is the fault
//	is not the one that the step   |
//	expects                        |
//
// Files that are complete are not fetched again. Only where servers declare more
// than about a hundred different media types, the files of the others are.
package fetch

import (
	"context"
	"crypto/x509"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/stage"
)

// headerTimeout is how long the header of an answer may take.
const headerTimeout = 30 * time.Second

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
	n := netguard.Options{RootCAs: o.RootCAs, HeaderTimeout: headerTimeout}
	if o.AllowPrivateNetworks {
		n.Allow = netguard.Everywhere
	}
	return newFetcher(o, netguard.Transport(n))
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
	c := config{Stall: stage.Duration(30 * time.Second), MaxRedirects: 5, Resumptions: 3}
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	files := t.Files
	if len(t.Sources) > 0 {
		sources, err := wantedOf(t.Sources, c.Expect)
		if err != nil {
			return stage.Result{}, err
		}
		b, err := openBook(ctx, t, sources)
		if err != nil {
			return stage.Result{}, err
		}
		defer b.close()
		g := &fetching{fetcher: f, task: t, config: c, book: b}
		if files, err = g.all(ctx); err != nil {
			return stage.Result{}, err
		}
	} else if _, err := t.Inputs(); err != nil {
		return stage.Result{}, err
	}
	return stage.Result{Files: files, Findings: map[string]string{
		"files": strconv.Itoa(len(files)), "bytes": strconv.FormatInt(stage.Size(files), 10),
	}}, nil
}
