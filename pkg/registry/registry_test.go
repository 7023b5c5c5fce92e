package registry_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/registry"
)

var stages = []pipeline.Stage{{Name: "noop", Version: 1}}

func source(name, description string) []byte {
	return fmt.Appendf(nil, `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: %s
  description: '%s'
spec:
  steps:
    - id: a
      uses: noop@1
`, name, description)
}

// counted is a bucket that counts what is read of it.
type counted struct {
	*bus.KV
	mu   sync.Mutex
	gets map[string]int
}

func (c *counted) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	c.mu.Lock()
	c.gets[key[:2]]++
	c.mu.Unlock()
	return c.KV.Get(ctx, key)
}

func newBucket(t *testing.T) *counted {
	t.Helper()
	kv, err := bustest.Conn(t).KV(t.Context(), events.BucketPipelines)
	if err != nil {
		t.Fatal(err)
	}
	return &counted{KV: kv, gets: make(map[string]int)}
}

func apply(t *testing.T, r *registry.Registry, src []byte) (*pipeline.Definition, bool) {
	t.Helper()
	d, created, err := r.Apply(t.Context(), "default", src)
	if err != nil {
		t.Fatal(err)
	}
	return d, created
}

func TestApply(t *testing.T) {
	t.Parallel()
	kv := newBucket(t)
	r := registry.New(kv, stages)
	other := registry.New(kv, stages) // another process

	if _, err := r.Current(t.Context(), "default", "p"); !fault.Has(err, fault.PipelineNotFound) {
		t.Errorf("before the first: %v", err)
	}
	one, two := source("p", "one"), source("p", "two")
	first, created := apply(t, r, one)
	if !created || first.Name != "p" {
		t.Errorf("first: %+v %v", first, created)
	}
	if _, created := apply(t, other, one); created {
		t.Error("the same file again is no new version")
	}
	second, created := apply(t, other, two)
	if !created || second.Digest == first.Digest {
		t.Errorf("second: %s %v", second.Digest, created)
	}
	cur, err := r.Current(t.Context(), "default", "p")
	if err != nil || cur.Digest != second.Digest {
		t.Errorf("current: %+v %v", cur, err)
	}
	old, err := other.Version(t.Context(), "default", first.Digest)
	if err != nil || old.Description != "one" || string(old.Source) != string(one) {
		t.Errorf("old version: %+v %v", old, err)
	}
	// Back to the first: it is current again, and is listed one time.
	if _, created := apply(t, r, one); !created {
		t.Error("going back is a change")
	}
	versions, err := r.Versions(t.Context(), "default", "p")
	if err != nil {
		t.Fatal(err)
	}
	var digests []string
	for _, v := range versions {
		digests = append(digests, v.Digest)
	}
	if d := cmp.Diff([]string{first.Digest, second.Digest}, digests); d != "" {
		t.Errorf("versions (-want +got):\n%s", d)
	}
}

func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	r := registry.New(newBucket(t), stages)
	d, _ := apply(t, r, source("p", "x"))
	if _, err := r.Version(t.Context(), "other", d.Digest); !fault.Has(err, fault.PipelineNotFound) {
		t.Errorf("version of another tenant: %v", err)
	}
	if _, err := r.Current(t.Context(), "other", "p"); !fault.Has(err, fault.PipelineNotFound) {
		t.Errorf("pipeline of another tenant: %v", err)
	}
	if list, err := r.List(t.Context(), "other"); err != nil || len(list) != 0 {
		t.Errorf("list of another tenant: %v %v", list, err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	kv := newBucket(t)
	r := registry.New(kv, stages)
	if list, err := r.List(t.Context(), "default"); err != nil || len(list) != 0 {
		t.Errorf("empty: %v %v", list, err)
	}
	apply(t, r, source("b", "second"))
	apply(t, r, source("a", "first"))
	apply(t, r, source("b-c", "third"))
	list, err := r.List(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name+": "+e.Description)
		if e.AppliedAt.IsZero() || e.Digest == "" {
			t.Errorf("entry %+v", e)
		}
	}
	if d := cmp.Diff([]string{"a: first", "b: second", "b-c: third"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// A build without the stage still lists what it cannot run.
	list, err = registry.New(kv, nil).List(t.Context(), "default")
	if err != nil || len(list) != 3 || list[0].Description != "" {
		t.Errorf("without the stage: %+v %v", list, err)
	}
	if _, err := r.Versions(t.Context(), "default", "nope"); !fault.Has(err, fault.PipelineNotFound) {
		t.Errorf("versions of nothing: %v", err)
	}
}

func TestVersionsAreCompiledOnce(t *testing.T) {
	t.Parallel()
	kv := newBucket(t)
	d, _ := apply(t, registry.New(kv, stages), source("p", "x"))
	r := registry.New(kv, stages)
	clear(kv.gets)
	var defs []*pipeline.Definition
	for range 5 {
		def, err := r.Current(t.Context(), "default", "p")
		if err != nil {
			t.Fatal(err)
		}
		defs = append(defs, def)
	}
	if defs[0] != defs[4] || defs[0].Digest != d.Digest {
		t.Error("a version was compiled again")
	}
	if d := cmp.Diff(map[string]int{"p.": 5, "v.": 1}, kv.gets); d != "" {
		t.Errorf("reads (-want +got):\n%s", d)
	}
}

func TestManyVersionsFitTheCache(t *testing.T) {
	t.Parallel()
	r := registry.New(newBucket(t), stages)
	var digests []string
	for i := range 300 {
		d, _ := apply(t, r, source("p", fmt.Sprint(i)))
		digests = append(digests, d.Digest)
	}
	for i, digest := range digests {
		d, err := r.Version(t.Context(), "default", digest)
		if err != nil || d.Description != fmt.Sprint(i) {
			t.Fatalf("version %d: %+v %v", i, d, err)
		}
	}
}

func TestConcurrentAppliesAllTakeEffect(t *testing.T) {
	t.Parallel()
	r := registry.New(newBucket(t), stages)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if _, _, err := r.Apply(t.Context(), "default", source("p", fmt.Sprint(i))); err != nil {
				t.Errorf("apply %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	versions, err := r.Versions(t.Context(), "default", "p")
	if err != nil || len(versions) != 6 {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	cur, err := r.Current(t.Context(), "default", "p")
	if err != nil || cur.Name != "p" {
		t.Errorf("current %+v %v", cur, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	kv := newBucket(t)
	r := registry.New(kv, stages)
	for name, src := range map[string][]byte{
		"empty": nil, "no yaml": []byte("\x00"), "unknown stage": []byte(strings.Replace(string(source("p", "x")), "noop@1", "nop@1", 1)),
		"too large": make([]byte, registry.MaxSource+1),
	} {
		if _, _, err := r.Apply(t.Context(), "default", src); !fault.Has(err, fault.PipelineInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := r.Apply(t.Context(), "a.*", source("p", "x")); !fault.Has(err, fault.PipelineInvalid) {
		t.Errorf("bad tenant: %v", err)
	}
	for _, name := range []string{"", "*", "a.b", ">", "a b"} {
		if _, err := r.Current(t.Context(), "default", name); !fault.Has(err, fault.PipelineNotFound) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, digest := range []string{"", "sha256:", "sha256:" + strings.Repeat("g", 64), "sha256:" + strings.Repeat("0", 64), "*"} {
		if _, err := r.Version(t.Context(), "default", digest); !fault.Has(err, fault.PipelineNotFound) {
			t.Errorf("digest %q: %v", digest, err)
		}
	}
	if list, err := r.List(t.Context(), ">"); err != nil || len(list) != 0 {
		t.Errorf("list: %v %v", list, err)
	}
	keys, err := kv.Keys(t.Context(), "")
	if err != nil || len(keys) != 0 {
		t.Errorf("refused files left %v %v", keys, err)
	}
}

func TestStoredRubbishIsABug(t *testing.T) {
	t.Parallel()
	kv := newBucket(t)
	r := registry.New(kv, stages)
	hex := strings.Repeat("0", 64)
	for key, value := range map[string]string{
		"p.default.broken": "{", "v.default." + hex: string(source("p", "other content")),
		"p.default.dangling": `{"digest":"sha256:` + strings.Repeat("1", 64) + `"}`,
	} {
		if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Current(t.Context(), "default", "broken"); !fault.Has(err, fault.InternalBug) {
		t.Errorf("broken pointer: %v", err)
	}
	if _, err := r.Version(t.Context(), "default", "sha256:"+hex); !fault.Has(err, fault.InternalBug) {
		t.Errorf("other content: %v", err)
	}
	if _, err := r.Current(t.Context(), "default", "dangling"); !fault.Has(err, fault.PipelineNotFound) {
		t.Errorf("dangling pointer: %v", err)
	}
	// A build that cannot compile a version any more says so.
	apply(t, r, source("gone", "x"))
	bare := registry.New(kv, nil)
	if _, err := bare.Current(t.Context(), "default", "gone"); !fault.Has(err, fault.PipelineInvalid) {
		t.Errorf("unknown stage: %v", err)
	}
}
