package operator

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// chunkSize is how many items share a key: few enough that their results can be
// written again and again, and many enough that there are not too many keys.
const chunkSize = 250

// head is an operation but for its items.
type head struct {
	ID          string               `json:"id"`
	Tenant      string               `json:"tenant"`
	Request     api.OperationRequest `json:"request"`
	By          string               `json:"by,omitempty"`
	Fingerprint string               `json:"fingerprint"`
	// Frozen names the chunks of items: those of a request that was cut short
	// have another name.
	Frozen  string `json:"frozen"`
	Matched int    `json:"matched"`
	// Since is the last record of any job when the filter was frozen.
	Since uint64 `json:"since"`

	State      api.OperationState `json:"state"`
	Why        string             `json:"why,omitempty"`
	Code       string             `json:"code,omitempty"`
	AcceptedAt time.Time          `json:"accepted_at"`
	ChangedAt  time.Time          `json:"changed_at"`
	ChangedBy  string             `json:"changed_by,omitempty"`
}

// progress is what the operator says of an operation while it carries it out. What
// counts are the results.
type progress struct {
	Counts api.OperationCounts `json:"counts"`
	Pace   float64             `json:"pace,omitempty"`
}

// name is an operation's place in the bucket.
type name struct{ tenant, id string }

func (n name) key(parts ...string) string {
	return n.tenant + "." + n.id + "." + strings.Join(parts, ".")
}

func (n name) head() string     { return n.key("head") }
func (n name) progress() string { return n.key("progress") }
func (n name) lease() string    { return n.key("lease") }

func (n name) items(frozen string, chunk int) string {
	return n.key("items", frozen, strconv.Itoa(chunk))
}

func (n name) results(chunk int) string { return n.key("results", strconv.Itoa(chunk)) }

func (h *head) name() name { return name{h.Tenant, h.ID} }

// chunks is how many chunks hold the items.
func (h *head) chunks() int { return (h.Matched + chunkSize - 1) / chunkSize }

// store keeps operations in a bucket. It is safe for concurrent use.
type store struct {
	bus *bus.Conn

	mu sync.Mutex
	kv *bus.KV
}

func (s *store) open(ctx context.Context) (*bus.KV, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv != nil {
		return s.kv, nil
	}
	kv, err := s.bus.KV(ctx, events.BucketOperations)
	if err != nil {
		return nil, err
	}
	s.kv = kv
	return kv, nil
}

// get reads a value. Fault: bus.not_found.
func (s *store) get(ctx context.Context, key string, v any) (revision uint64, err error) {
	kv, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	value, revision, err := kv.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(value, v); err != nil {
		return 0, fault.New(fault.InternalBug, "decode "+key, err)
	}
	return revision, nil
}

// put stores a value whose revision must be the one given, zero for none. Fault:
// bus.fenced.
func (s *store) put(ctx context.Context, key string, v any, last uint64) (uint64, error) {
	kv, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	value, err := json.Marshal(v)
	if err != nil {
		return 0, fault.New(fault.InternalBug, "encode "+key, err)
	}
	if last == 0 {
		return kv.Create(ctx, key, value)
	}
	return kv.Update(ctx, key, value, last)
}

// head reads an operation. Fault: operation.not_found.
func (s *store) head(ctx context.Context, n name) (*head, uint64, error) {
	if !events.ValidToken(n.id) || !events.ValidToken(n.tenant) {
		return nil, 0, notFound(n.id)
	}
	var h head
	revision, err := s.get(ctx, n.head(), &h)
	if fault.Has(err, fault.BusNotFound) {
		return nil, 0, notFound(n.id)
	}
	return &h, revision, err
}

// shown reads an operation as people see it.
func (s *store) shown(ctx context.Context, h *head, revision uint64) (api.Operation, error) {
	var p progress
	_, err := s.get(ctx, h.name().progress(), &p)
	if fault.Has(err, fault.BusNotFound) {
		p.Counts = api.OperationCounts{Matched: h.Matched, Remaining: h.Matched}
		err = nil
	}
	return h.shown(revision, p), err
}

func (h *head) shown(revision uint64, p progress) api.Operation {
	return api.Operation{
		ID: h.ID, Revision: revision, OperationRequest: h.Request, By: h.By,
		State: h.State, Why: h.Why, Code: h.Code, ChangedBy: h.ChangedBy, Counts: p.Counts, Pace: p.Pace,
		AcceptedAt: h.AcceptedAt, ChangedAt: h.ChangedAt,
	}
}

// each calls fn with the operations of a tenant, "*" for all.
func (s *store) each(ctx context.Context, tenant string, fn func(*head, uint64)) error {
	kv, err := s.open(ctx)
	if err != nil {
		return err
	}
	return kv.Each(ctx, name{tenant, "*"}.head(), func(e *bus.Entry) error {
		var h head
		if err := json.Unmarshal(e.Value, &h); err != nil {
			return fault.New(fault.InternalBug, "decode "+e.Key, err)
		}
		fn(&h, e.Revision)
		return nil
	})
}

// watch calls fn with every operation, and with each change, until ctx ends.
func (s *store) watch(ctx context.Context, fn func(*head, uint64)) error {
	kv, err := s.open(ctx)
	if err != nil {
		return err
	}
	return kv.Watch(ctx, name{"*", "*"}.head(), func(e *bus.Entry) error {
		var h head
		if e != nil && !e.Deleted && json.Unmarshal(e.Value, &h) == nil {
			fn(&h, e.Revision)
		}
		return nil
	})
}

func notFound(id string) error {
	return fault.New(fault.OperationNotFound, fault.Clip(id, 100), nil)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
