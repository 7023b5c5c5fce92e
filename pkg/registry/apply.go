package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
)

// applyTries bounds the races that one Apply may lose.
const applyTries = 16

// pointer is the value under a name.
type pointer struct {
	Digest    string    `json:"digest"`
	AppliedAt time.Time `json:"applied_at"`
	// AppliedBy is empty for versions of before anybody was asked.
	AppliedBy string `json:"applied_by,omitempty"`
}

// Apply compiles a pipeline file and makes it the current version of the name it
// states. created is false when it already was the current version, and then
// nothing is written. It may be repeated; of several at once, one after the other
// takes effect. Running jobs keep the version they have.
//
// Faults: pipeline.invalid; pipeline.conflict when others keep changing the name;
// those of the bus.
func (r *Registry) Apply(
	ctx context.Context, tenant string, src []byte,
) (d *pipeline.Definition, created bool, err error) {
	return r.ApplyBy(ctx, tenant, src, "")
}

// ApplyBy is [Registry.Apply] at the wish of somebody, who is kept with the version.
func (r *Registry) ApplyBy(
	ctx context.Context, tenant string, src []byte, by string,
) (d *pipeline.Definition, created bool, err error) {
	if !events.ValidToken(tenant) {
		return d, false, fault.New(fault.PipelineInvalid, "the tenant's name is not allowed", nil)
	}
	if len(src) > MaxSource {
		detail := fmt.Sprintf("the file has %d bytes, the limit is %d", len(src), MaxSource)
		return d, false, fault.New(fault.PipelineInvalid, detail, nil)
	}
	def, err := pipeline.Compile(src, r.stages)
	if err != nil {
		return d, false, err
	}
	hex, ok := hexOf(def.Digest)
	if !ok || !events.ValidToken(def.Name) {
		return d, false, fault.New(fault.PipelineInvalid, "name "+fault.Clip(def.Name, 100), nil)
	}
	for range applyTries {
		created, err = r.point(ctx, tenant, hex, by, def)
		if !fault.Has(err, fault.BusFenced) {
			return def, created, err
		}
	}
	return d, false, fault.New(fault.PipelineConflict, "apply "+def.Name, err)
}

// point stores a version and lets its name point at it. It fails with bus.fenced
// when somebody else moved the name meanwhile.
func (r *Registry) point(
	ctx context.Context, tenant, hex, by string, def *pipeline.Definition,
) (bool, error) {
	old, last, err := r.pointer(ctx, tenant, def.Name)
	if err != nil && !fault.Has(err, fault.PipelineNotFound) {
		return false, err
	}
	if err == nil && old.Digest == def.Digest {
		return false, nil
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	value, err := json.Marshal(pointer{Digest: def.Digest, AppliedAt: now, AppliedBy: by})
	if err != nil {
		return false, fault.New(fault.InternalBug, "encode pipeline pointer", err)
	}
	if err := r.createOnce(ctx, versionKey(tenant, hex), def.Source); err != nil {
		return false, err
	}
	if err := r.createOnce(ctx, historyKey(tenant, def.Name, hex), value); err != nil {
		return false, err
	}
	key := pointerKey(tenant, def.Name)
	if last == 0 {
		_, err = r.kv.Create(ctx, key, value)
	} else {
		_, err = r.kv.Update(ctx, key, value, last)
	}
	return err == nil, err
}

// createOnce writes a value that never changes; that it is there already is as good.
func (r *Registry) createOnce(ctx context.Context, key string, value []byte) error {
	_, err := r.kv.Create(ctx, key, value)
	if fault.Has(err, fault.BusFenced) {
		return nil
	}
	return err
}

// pointer reads which version is current. last is 0 when there is none.
func (r *Registry) pointer(
	ctx context.Context, tenant, name string,
) (p pointer, last uint64, err error) {
	if !events.ValidToken(tenant) || !events.ValidToken(name) {
		return p, 0, fault.New(fault.PipelineNotFound, fault.Clip(name, 100), nil)
	}
	value, last, err := r.kv.Get(ctx, pointerKey(tenant, name))
	if fault.Has(err, fault.BusNotFound) {
		return p, 0, fault.New(fault.PipelineNotFound, name, nil)
	}
	if err != nil {
		return p, 0, err
	}
	if err := json.Unmarshal(value, &p); err != nil {
		return p, 0, fault.New(fault.InternalBug, "decode the pointer of pipeline "+name, err)
	}
	return p, last, nil
}
