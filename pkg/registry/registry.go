// Package registry keeps the pipeline definitions of a mill in a key-value
// bucket: every version for good, under its digest, and for each name the digest
// that new jobs are given.
//
// Keys of the bucket:
//
//	v.<tenant>.<hex>         the source of one version; written once
//	h.<tenant>.<name>.<hex>  when that version was first applied under the name
//	p.<tenant>.<name>        the current version of the name
//
// They are written in this order, so that a process killed halfway leaves nothing
// but a version that no name points at.
package registry

import (
	"context"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
)

// MaxSource is the largest pipeline file that is taken, in bytes: it must fit
// into one message of the broker with room to spare.
const MaxSource = 512 << 10

// cacheSize is how many compiled versions are kept in memory.
const cacheSize = 256

// KV is what the registry needs of a key-value bucket. Get returns a fault with
// code bus.not_found for a key that is not there; Create returns one with code
// bus.fenced for a key that is, and Update for a revision that has passed.
type KV interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Update(ctx context.Context, key string, value []byte, last uint64) (revision uint64, err error)
	Keys(ctx context.Context, prefix string) ([]string, error)
}

// Registry finds and stores pipeline definitions. Its methods are safe for
// concurrent use. It owns nothing that would have to be closed.
type Registry struct {
	kv     KV
	stages []pipeline.Stage
	cache  *cache
}

// New returns a registry over a bucket. stages are what pipelines may use in this
// build; the slice is kept and must not change.
func New(kv KV, stages []pipeline.Stage) *Registry {
	return &Registry{kv: kv, stages: stages, cache: newCache(cacheSize)}
}

// Check compiles a pipeline file without storing it and returns every complaint.
// The definition is nil when one of them is an error. file is the name used in
// the complaints.
func (r *Registry) Check(file string, src []byte) (*pipeline.Definition, []pipeline.Diagnostic) {
	return pipeline.Check(file, src, r.stages)
}

// Current returns the version that new jobs of a pipeline are given. It sees every
// [Registry.Apply] that has returned. Faults: pipeline.not_found, pipeline.invalid
// when this build cannot compile the version any more, and those of the bus.
func (r *Registry) Current(ctx context.Context, tenant, name string) (*pipeline.Definition, error) {
	p, _, err := r.pointer(ctx, tenant, name)
	if err != nil {
		return nil, err
	}
	return r.Version(ctx, tenant, p.Digest)
}

// Version returns the version with a digest, whether a name still points at it or
// not. The result is shared and must not be changed. Faults: pipeline.not_found,
// pipeline.invalid when this build cannot compile it any more, and those of the bus.
func (r *Registry) Version(
	ctx context.Context, tenant, digest string,
) (*pipeline.Definition, error) {
	hex, ok := hexOf(digest)
	if !ok || !events.ValidToken(tenant) {
		return nil, fault.New(fault.PipelineNotFound, "version "+fault.Clip(digest, 100), nil)
	}
	key := versionKey(tenant, hex)
	if d, ok := r.cache.get(key); ok {
		return d, nil
	}
	src, _, err := r.kv.Get(ctx, key)
	if fault.Has(err, fault.BusNotFound) {
		return nil, fault.New(fault.PipelineNotFound, "version "+digest, nil)
	}
	if err != nil {
		return nil, err
	}
	d, err := pipeline.Compile(src, r.stages)
	if err != nil {
		return nil, err
	}
	if d.Digest != digest {
		return nil, fault.New(fault.InternalBug,
			"version "+digest+" is stored with other content", nil)
	}
	r.cache.put(key, d)
	return d, nil
}

func versionKey(tenant, hex string) string       { return "v." + tenant + "." + hex }
func historyKey(tenant, name, hex string) string { return "h." + tenant + "." + name + "." + hex }
func pointerKey(tenant, name string) string      { return "p." + tenant + "." + name }

// hexOf returns the 64 hex digits of a digest.
func hexOf(digest string) (hex string, ok bool) {
	hex, ok = strings.CutPrefix(digest, "sha256:")
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", false
	}
	return hex, true
}
