// Package publishs3 is the stage that puts files into a bucket of an object store
// that speaks S3: each whole or not at all.
//
// # How a file gets there
//
// A file of up to 16 MiB is one request. A larger one is an upload in parts, two at
// a time; the upload is noted in the step's place before its first part is sent, and
// every part when the store has it. Completing the upload makes the object appear.
//
// Both, the request and the completion, are effects of the step: see
// [stage.Task.Effect]. They are made only if nothing has the key (overwrite: never)
// or only in the place of the very object that was looked at (overwrite: always), so
// that of two that want the same key one is refused. With overwrite: always the old
// object is copied to a key that starts with ".millrace-old/" first, for the undo,
// where it stays until another job replaces the new one in turn.
//
// Every object says which step has put it there, and the digest of its content. By
// these marks an attempt finds what the one before has done, and the undo tells its
// own objects from those of others.
//
// # Crash table
//
//	killed after               | found                    | the next attempt
//	---------------------------|--------------------------|--------------------------------
//	intent of a small file     | nothing, or the object   | looks: puts it, or goes on
//	the store has the object   | the object, by its marks | notes it, goes on
//	receipt noted              | a receipt                | asks the store nothing
//	upload begun, not noted    | an upload without parts  | ends it, begins another
//	upload noted               | an empty upload          | sends the first part
//	part stored, not noted     | a part that nobody spoke | compares its checksum: does not
//	                           | of                       | send it again
//	part noted                 | the parts                | reads and sends what comes after
//	intent of the completion   | the parts, or the object | completes, or notes it
//
// # Uploads of nobody
//
// The store keeps what was sent of an upload, and asks money for it, until the upload
// is completed or ended. An attempt that fails for good ends those of its step, and so
// does the undo. One that is to be tried again leaves them to the next attempt. When
// the tries are used up without one that fails for good, nobody comes any more: a
// lifecycle rule of the bucket that ends unfinished uploads after some days is the net
// below that.
//
// # What it needs to be allowed
//
// s3:PutObject, s3:GetObject and s3:DeleteObject on the objects and on .millrace-old/*,
// s3:AbortMultipartUpload, s3:ListMultipartUploadParts, s3:ListBucketMultipartUploads,
// and s3:ListBucket, without which a store does not say that an object is absent.
package publishs3

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/stage"
)

// Options configures the stage.
type Options struct {
	// Endpoints are the object stores that pipelines may use, by name. A step that
	// names none uses "default". None means that the stage refuses every task with
	// s3.no_endpoint.
	Endpoints map[string]Endpoint
	// Breakers keep stores apart that do not answer. They should set no Timeout:
	// requests have limits of their own. Nil means breakers of the stage's own.
	Breakers *breaker.Registry
	// RootCAs are who may vouch for https hosts. Nil means the system's.
	RootCAs *x509.CertPool
}

// New returns the stage publish-s3@1. With one endpoint, it needs that one. It has an undo, and keeps idle connections,
// which its Close ends.
func New(o Options) stage.Stage { return newPublisher(o) }

func newPublisher(o Options) *publisher {
	p := &publisher{spec: spec(), stores: map[string]*store{}}
	p.transport = netguard.Transport(netguard.Options{Allow: netguard.Everywhere, RootCAs: o.RootCAs})
	p.transport.ExpectContinueTimeout = expectation
	if o.Breakers == nil {
		o.Breakers = breaker.New(breaker.Options{Timeout: -1, Probes: 3})
	}
	for name, e := range o.Endpoints {
		p.stores[name] = newStore(name, e, p.transport, o.Breakers)
	}
	if len(p.stores) == 1 { // then there is no task that does without it
		for _, s := range p.stores {
			p.spec.Needs = []string{s.name}
		}
	}
	return p
}

type publisher struct {
	spec      stage.Spec
	stores    map[string]*store
	transport *http.Transport
}

var _ stage.Compensator = (*publisher)(nil)

func (p *publisher) Spec() stage.Spec { return p.spec }

// Close ends idle connections. It may be called at any time, and again.
func (p *publisher) Close() error {
	p.transport.CloseIdleConnections()
	return nil
}

// Run publishes the input files.
func (p *publisher) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	b, c, err := p.batch(t)
	if err != nil {
		return stage.Result{}, err
	}
	items, err := itemsOf(c.Prefix, files)
	if err != nil {
		return stage.Result{}, err
	}
	b.items = items
	if err := b.publish(ctx); err != nil {
		b.giveUp(ctx, err)
		return stage.Result{}, fault.From(err)
	}
	prefix := "s3://" + c.Bucket + "/"
	return stage.Result{Files: files, Findings: map[string]string{
		"url": fault.Clip(prefix+items[0].key, stage.MaxFinding), "files": strconv.Itoa(len(items)),
		"prefix": fault.Clip(prefix+items[0].key[:len(items[0].key)-len(items[0].file.Name)], stage.MaxFinding),
	}}, nil
}

// batch reads the configuration.
func (p *publisher) batch(t *stage.Task) (*batch, config, error) {
	c := config{Endpoint: defaultEndpoint, Prefix: t.Job, Overwrite: never}
	if err := t.Config(&c); err != nil {
		return nil, c, err
	}
	s := p.stores[c.Endpoint]
	if s == nil {
		return nil, c, fault.New(fault.S3NoEndpoint, c.Endpoint, nil)
	}
	return &batch{
		task: t, store: s, bucket: c.Bucket, step: keyOf(t),
		always: c.Overwrite == always, own: c.Prefix == t.Job,
	}, c, nil
}

// Compensate removes what the step has published, or puts back what it had
// replaced. An object that somebody changed since is left alone: publish.changed.
func (p *publisher) Compensate(ctx context.Context, t *stage.Task, done stage.Result) error {
	b, c, err := p.batch(t)
	if err != nil {
		return err
	}
	files := done.Files
	if len(files) == 0 { // undo before do
		files = t.Files
	}
	if b.items, err = itemsOf(c.Prefix, files); err != nil {
		return err
	}
	if _, err := t.Resume(ctx, stateVersion, &b.at); err != nil && !fault.Has(err, fault.JobCancelled) {
		return err
	}
	var errs []error
	for _, it := range b.items {
		errs = append(errs, b.clear(ctx, it), b.undo(ctx, it, len(done.Files) > 0))
	}
	return errors.Join(errs...)
}
