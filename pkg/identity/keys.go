package identity

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// MaxKeys is how many keys may be good at a time: all of them are held in memory.
const MaxKeys = 10_000

// keptEnded is how long a key is listed that has ended.
const keptEnded = 90 * 24 * time.Hour

// KV is what keys need of a bucket. [bus.KV] provides it. Create returns a fault with
// code bus.fenced for a key that is there, and Update for a revision that has passed.
type KV interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Update(ctx context.Context, key string, value []byte, last uint64) (revision uint64, err error)
	Put(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Delete(ctx context.Context, key string) error
	Watch(ctx context.Context, pattern string, fn func(*bus.Entry) error) error
}

// Options tunes [Keys]. The zero value is right for all but tests.
type Options struct {
	// Renew is how often the bucket is read as a whole, in case a change was
	// missed. Zero means every minute.
	Renew time.Duration
	// Pause is the longest wait after a failed look at the bucket. Zero means 5
	// seconds.
	Pause time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Log takes changes and trouble. Nil discards them.
	Log *slog.Logger
}

// Keys are the API keys of a mill. Its methods are safe for concurrent use. Only
// [Keys.Run] keeps them up to date.
type Keys struct {
	kv   KV
	o    Options
	used chan mark

	mu   sync.RWMutex
	all  known // nil until the bucket was read
	mine known // what was written here and has not come back yet
	last map[string]time.Time
}

// mark says that a key was used.
type mark struct {
	id string
	at time.Time
}

// NewKeys returns the keys in the bucket [events.BucketCredentials]. It knows none
// yet, and owns nothing that would have to be closed.
func NewKeys(kv KV, o Options) *Keys {
	if o.Renew <= 0 {
		o.Renew = time.Minute
	}
	if o.Pause <= 0 {
		o.Pause = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Keys{kv: kv, o: o, used: make(chan mark, 64), mine: known{}, last: make(map[string]time.Time)}
}

// Authenticate returns who holds a key. It asks nobody: a key that another gateway
// has made or revoked is known here within a moment, and while the bucket cannot be
// read the keys known last count. Faults: auth.invalid, auth.expired, and
// auth.unavailable when the bucket has never been read.
func (k *Keys) Authenticate(_ context.Context, token string) (Principal, error) {
	t, ok := ParseToken(token)
	k.mu.RLock()
	unread, c := k.all == nil, k.all[t.id]
	k.mu.RUnlock()
	switch matches := c.matches(t); {
	case unread:
		return Principal{}, fault.New(fault.AuthUnavailable, "the keys cannot be read yet", nil)
	case !ok || !matches || !c.RevokedAt.IsZero():
		return Principal{}, fault.New(fault.AuthInvalid, "", nil)
	}
	now := k.o.Now()
	if _, over := c.ended(now); over {
		return Principal{}, fault.New(fault.AuthExpired, "key "+c.ID+" has expired", nil)
	}
	k.note(c, now)
	return c.principal(), nil
}

// Stands reports whether a principal's key is still good.
func (k *Keys) Stands(p Principal) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	c, ok := k.all[p.ID]
	_, over := c.ended(k.o.Now())
	return ok && !over
}

// List returns the keys of a tenant, AnyTenant for all, oldest first. Fault:
// auth.unavailable.
func (k *Keys) List(tenant string) ([]api.Key, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.all == nil {
		return nil, fault.New(fault.AuthUnavailable, "the keys cannot be read yet", nil)
	}
	return k.all.list(tenant), nil
}

// Create makes a key, at the wish of a principal who asks for a tenant. It is good
// when Create returns. Faults: key.invalid, key.too_wide, key.too_many, those of the
// bus.
func (k *Keys) Create(ctx context.Context, r api.KeyRequest, by Principal, tenant string) (api.Key, Token, error) {
	now := k.now()
	if err := check(&r, by, tenant, now); err != nil {
		return api.Key{}, Token{}, err
	}
	if err := k.makeRoom(ctx, now); err != nil {
		return api.Key{}, Token{}, err
	}
	t := NewToken("")
	c := credential{Hash: t.Hash(), Key: api.Key{
		ID: t.ID(), Name: r.Name, Tenant: r.Tenant, Scopes: r.Scopes,
		CreatedAt: now, CreatedBy: by.By(), ExpiresAt: r.ExpiresAt.UTC().Truncate(time.Second),
	}}
	if r.ExpiresAt.IsZero() {
		c.ExpiresAt = time.Time{}
	}
	if err := k.store(ctx, c, 0); err != nil {
		return api.Key{}, Token{}, err
	}
	k.o.Log.Info("key created", "key", c.ID, "name", c.Name, "tenant", c.Tenant, "scopes", c.Scopes, "by", c.CreatedBy)
	return c.Key, t, nil
}

// Revoke ends a key of a tenant, AnyTenant for any. It may be repeated: the first
// time counts. Faults: key.not_found, those of the bus.
func (k *Keys) Revoke(ctx context.Context, tenant, id, by, reason string) (api.Key, error) {
	var c credential
	value, revision, err := k.kv.Get(ctx, keyPrefix+fault.Clip(id, 64))
	if err == nil {
		err = json.Unmarshal(value, &c)
	}
	if fault.Has(err, fault.BusNotFound) || err == nil && tenant != AnyTenant && c.Tenant != tenant {
		return api.Key{}, fault.New(fault.KeyNotFound, fault.Clip(id, 64), nil)
	}
	if err != nil {
		return api.Key{}, err
	}
	if !c.RevokedAt.IsZero() {
		return c.Key, nil
	}
	c.RevokedAt, c.RevokedBy, c.Reason = k.now(), by, reason
	if err := k.store(ctx, c, revision); err != nil {
		return api.Key{}, err
	}
	k.o.Log.Info("key revoked", "key", c.ID, "name", c.Name, "tenant", c.Tenant, "by", by, "reason", reason)
	return c.Key, nil
}

// store writes a key, and knows it at once.
func (k *Keys) store(ctx context.Context, c credential, last uint64) error {
	c.UsedAt = time.Time{} // it has an entry of its own
	value, err := json.Marshal(c)
	if err != nil {
		return fault.New(fault.InternalBug, "encode a key", err)
	}
	if last == 0 {
		c.revision, err = k.kv.Create(ctx, keyPrefix+c.ID, value)
	} else {
		c.revision, err = k.kv.Update(ctx, keyPrefix+c.ID, value, last)
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mine[c.ID] = c
	if k.all != nil {
		k.overlay(maps.Clone(k.all))
	}
	return nil
}

// makeRoom forgets keys that have ended long ago, and refuses when there are too many
// others. Fault: key.too_many.
func (k *Keys) makeRoom(ctx context.Context, now time.Time) error {
	k.mu.RLock()
	all := k.all
	k.mu.RUnlock()
	good := 0
	for id, c := range all {
		since, over := c.ended(now)
		switch {
		case !over:
			good++
		case now.Sub(since) > keptEnded:
			for _, key := range []string{usedPrefix + id, keyPrefix + id} {
				if err := k.kv.Delete(ctx, key); err != nil {
					k.o.Log.Debug("an old key cannot be forgotten yet", "key", id, "error", err)
				}
			}
		}
	}
	if good >= MaxKeys {
		return fault.New(fault.KeyTooMany, "", nil)
	}
	return nil
}

// now is the time in UTC and whole seconds.
func (k *Keys) now() time.Time { return k.o.Now().UTC().Truncate(time.Second) }
