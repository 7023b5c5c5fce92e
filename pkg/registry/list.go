package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Entry is one pipeline of a tenant.
type Entry struct {
	Name string `json:"name"`
	// Digest is the current version.
	Digest      string `json:"digest"`
	Description string `json:"description,omitempty"`
	// AppliedAt is when it became the current version, AppliedBy who has seen to that.
	AppliedAt time.Time `json:"applied_at"`
	AppliedBy string    `json:"applied_by,omitempty"`
}

// Version is one version that a name has had.
type Version struct {
	Digest string `json:"digest"`
	// AppliedAt is when it was applied under the name for the first time, AppliedBy
	// who has done that.
	AppliedAt time.Time `json:"applied_at"`
	AppliedBy string    `json:"applied_by,omitempty"`
}

// List returns the pipelines of a tenant by name. A version that this build cannot
// compile any more is listed without its description. Faults: those of the bus.
func (r *Registry) List(ctx context.Context, tenant string) ([]Entry, error) {
	if !events.ValidToken(tenant) {
		return nil, nil
	}
	prefix := pointerKey(tenant, "")
	keys, err := r.kv.Keys(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, key := range keys {
		name := strings.TrimPrefix(key, prefix)
		p, _, err := r.pointer(ctx, tenant, name)
		if fault.Has(err, fault.PipelineNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		e := Entry{Name: name, Digest: p.Digest, AppliedAt: p.AppliedAt, AppliedBy: p.AppliedBy}
		if d, err := r.Version(ctx, tenant, p.Digest); err == nil {
			e.Description = d.Description
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Versions returns every version that a name has had, oldest first. Faults:
// pipeline.not_found and those of the bus.
func (r *Registry) Versions(ctx context.Context, tenant, name string) ([]Version, error) {
	if _, _, err := r.pointer(ctx, tenant, name); err != nil {
		return nil, err
	}
	keys, err := r.kv.Keys(ctx, historyKey(tenant, name, ""))
	if err != nil {
		return nil, err
	}
	var list []Version
	at := make(map[string]uint64, len(keys)) // the bucket's own order; clocks have ties
	for _, key := range keys {
		value, revision, err := r.kv.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		var v Version
		if err := json.Unmarshal(value, &v); err != nil {
			return nil, fault.New(fault.InternalBug, "decode a version of pipeline "+name, err)
		}
		list = append(list, v)
		at[v.Digest] = revision
	}
	slices.SortFunc(list, func(a, b Version) int { return cmp.Compare(at[a.Digest], at[b.Digest]) })
	return list, nil
}
