package endpoints

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/webhook"
)

// Options are what a store is made of. Bus is required.
type Options struct {
	Bus *bus.Conn
	// Vault seals secrets. All processes that share endpoints share its secret.
	Vault webhook.Vault
	// AllowPrivateNetworks lets endpoints have private addresses.
	AllowPrivateNetworks bool
}

// Store reads and changes endpoints. It is safe for concurrent use.
type Store struct {
	Options

	mu sync.Mutex
	kv *bus.KV
}

// New returns a store. It does not own the connection.
func New(o Options) *Store { return &Store{Options: o} }

// Allows reports whether an address may be dialled.
func (s *Store) Allows(a netip.Addr) bool { return s.AllowPrivateNetworks || netguard.Public(a) }

func (s *Store) open(ctx context.Context) (*bus.KV, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv != nil {
		return s.kv, nil
	}
	kv, err := s.Bus.KV(ctx, events.BucketEndpoints)
	if err != nil {
		return nil, err
	}
	s.kv = kv
	return kv, nil
}

func endpointKey(tenant, id string) string { return tenant + "." + id }

// Get reads an endpoint and its revision. Faults: webhook.not_found, those of the bus.
func (s *Store) Get(ctx context.Context, tenant, id string) (*webhook.Endpoint, uint64, error) {
	if !events.ValidToken(id) {
		return nil, 0, notFound(id)
	}
	kv, err := s.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	value, revision, err := kv.Get(ctx, endpointKey(tenant, id))
	if fault.Has(err, fault.BusNotFound) {
		return nil, 0, notFound(id)
	}
	if err != nil {
		return nil, 0, err
	}
	e, err := decode(value)
	return e, revision, err
}

// Watch calls fn with every endpoint of all tenants, then with each change, until ctx
// ends. One that was deleted comes with nil. It survives reconnects. Faults: those of
// the bus.
func (s *Store) Watch(ctx context.Context, fn func(tenant, id string, e *webhook.Endpoint, revision uint64)) error {
	kv, err := s.open(ctx)
	if err != nil {
		return err
	}
	return kv.Watch(ctx, "*.*", func(entry *bus.Entry) error {
		if entry == nil {
			return nil
		}
		tenant, id, _ := strings.Cut(entry.Key, ".")
		var e *webhook.Endpoint
		if !entry.Deleted {
			// One that cannot be read is as good as none.
			e, _ = decode(entry.Value)
		}
		fn(tenant, id, e, entry.Revision)
		return nil
	})
}

// each calls fn with the endpoints of a tenant.
func (s *Store) each(ctx context.Context, tenant string, fn func(*webhook.Endpoint, uint64)) error {
	kv, err := s.open(ctx)
	if err != nil {
		return err
	}
	return kv.Each(ctx, endpointKey(tenant, "*"), func(entry *bus.Entry) error {
		e, err := decode(entry.Value)
		if err == nil {
			fn(e, entry.Revision)
		}
		return err
	})
}

// change applies fn to an endpoint until nobody was faster. stated is the revision
// that it must have; nil means any. Fault: webhook.stale_revision.
func (s *Store) change(
	ctx context.Context, tenant, id string, stated *uint64, fn func(*webhook.Endpoint) error,
) (*webhook.Endpoint, uint64, error) {
	for {
		e, revision, err := s.Get(ctx, tenant, id)
		if err != nil {
			return nil, 0, err
		}
		if stated != nil && *stated != revision {
			return nil, 0, fault.New(fault.WebhookStaleRevision, id, nil)
		}
		if err := fn(e); err != nil {
			return nil, 0, err
		}
		e.ChangedAt = now()
		value, err := json.Marshal(e)
		if err != nil {
			return nil, 0, fault.New(fault.InternalBug, "encode an endpoint", err)
		}
		revision, err = s.kv.Update(ctx, endpointKey(tenant, id), value, revision)
		if fault.Has(err, fault.BusFenced) {
			continue
		}
		return e, revision, err
	}
}

func decode(value []byte) (*webhook.Endpoint, error) {
	var e webhook.Endpoint
	if err := json.Unmarshal(value, &e); err != nil {
		return nil, fault.New(fault.InternalBug, "decode an endpoint", err)
	}
	return &e, nil
}

func notFound(id string) error { return fault.New(fault.WebhookNotFound, fault.Clip(id, 100), nil) }

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
