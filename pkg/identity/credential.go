package identity

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Keys of the bucket.
const (
	keyPrefix  = "key."  // and the id: a credential
	usedPrefix = "used." // and the id: when it was used last
)

// credential is an API key as it is stored.
type credential struct {
	api.Key
	// Hash is what the whole key is compared with.
	Hash string `json:"hash"`

	revision uint64
}

// nobody is the hash of no key.
var nobody = strings.Repeat("0", 64)

// matches compares a key with the credential, which may be none: that takes as long.
func (c credential) matches(t Token) bool { return t.Matches(cmp.Or(c.Hash, nobody)) }

// ended reports whether the key is over, and since when.
func (c credential) ended(now time.Time) (since time.Time, yes bool) {
	if !c.RevokedAt.IsZero() {
		return c.RevokedAt, true
	}
	return c.ExpiresAt, !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// principal is who holds the key.
func (c credential) principal() Principal {
	p := Principal{Kind: KindKey, ID: c.ID, Name: c.Name, Tenant: c.Tenant, Expires: c.ExpiresAt}
	for _, s := range c.Scopes {
		p.Scopes = append(p.Scopes, Scope(s))
	}
	return p
}

// known are the keys as they were read last, by id.
type known map[string]credential

// note puts an entry of the bucket among the keys. Fault: internal.bug for one that
// cannot be read.
func (k known) note(e *bus.Entry) error {
	if id, ok := strings.CutPrefix(e.Key, usedPrefix); ok {
		c := k[id] // the key itself may come later
		at, err := time.Parse(time.RFC3339, string(e.Value))
		if err == nil && !e.Deleted {
			c.UsedAt = at
			k[id] = c
		}
		return nil
	}
	id, ok := strings.CutPrefix(e.Key, keyPrefix)
	if !ok {
		return nil
	}
	used := k[id].UsedAt
	delete(k, id)
	if e.Deleted {
		return nil
	}
	var c credential
	if err := json.Unmarshal(e.Value, &c); err != nil || c.ID != id || len(c.Hash) != 64 {
		return fault.New(fault.InternalBug, "decode key "+fault.Clip(id, 64), err)
	}
	c.UsedAt, c.revision = used, e.Revision
	k[id] = c
	return nil
}

// list is the keys of a tenant, AnyTenant for all, oldest first.
func (k known) list(tenant string) []api.Key {
	list := []api.Key{}
	for _, c := range k {
		if c.ID != "" && (tenant == AnyTenant || c.Tenant == tenant) {
			list = append(list, c.Key)
		}
	}
	slices.SortFunc(list, func(a, b api.Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// check refuses a request for a key that makes no sense, or that would let by do
// more than they may themselves. It fills in the tenant. Faults: key.invalid,
// key.too_wide.
func check(r *api.KeyRequest, by Principal, tenant string, now time.Time) error {
	scopes, err := ParseScopes(r.Scopes...)
	switch {
	case err != nil:
		return err
	case !events.ValidToken(r.Name):
		return fault.New(fault.KeyInvalid, "a name is 1 to 64 of a-z, 0-9, _ and -", nil)
	case r.Tenant != "" && r.Tenant != AnyTenant && !events.ValidToken(r.Tenant):
		return fault.New(fault.KeyInvalid, "a tenant is 1 to 64 of a-z, 0-9, _ and -, or * for all", nil)
	case !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now):
		return fault.New(fault.KeyInvalid, "it would have expired already", nil)
	}
	if r.Tenant == "" {
		r.Tenant = tenant
	}
	if by.Tenant != AnyTenant && r.Tenant != by.Tenant {
		return fault.New(fault.KeyTooWide, "your own is for tenant "+by.Tenant, nil)
	}
	for _, s := range scopes {
		if !by.Has(s) {
			return fault.New(fault.KeyTooWide, "your own lacks scope "+string(s), nil)
		}
	}
	if !by.Expires.IsZero() && (r.ExpiresAt.IsZero() || r.ExpiresAt.After(by.Expires)) {
		return fault.New(fault.KeyTooWide, "your own expires at "+by.Expires.Format(time.RFC3339), nil)
	}
	r.Scopes = strings.Split(Join(scopes, ","), ",")
	return nil
}
