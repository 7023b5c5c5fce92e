package identity

import (
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// AnyTenant is the tenant of principals that may act for every tenant.
const AnyTenant = "*"

// maxBy is how long a principal is in the audit at most, in bytes.
const maxBy = 200

// Kind is how a principal has proved who it is.
type Kind string

// The kinds.
const (
	// KindKey is the holder of an API key.
	KindKey Kind = "key"
	// KindOIDC is somebody that an issuer of OpenID Connect vouches for.
	KindOIDC Kind = "oidc"
	// KindLocal is whoever uses the machine that the mill runs on for itself alone.
	KindLocal Kind = "local"
)

// Principal is who makes a request. It holds no secret.
type Principal struct {
	Kind Kind
	// ID is like no other of the kind: that of the key, or the subject of a token.
	ID string
	// Name is for people. It may be empty.
	Name string
	// Tenant is whose work it may see, or AnyTenant.
	Tenant string
	// Scopes are what it may do.
	Scopes []Scope
	// Expires is when it must prove itself again. Zero means never.
	Expires time.Time
}

// Local returns the principal that owns the mill because it runs on its machine.
func Local() Principal {
	return Principal{Kind: KindLocal, Tenant: AnyTenant, Scopes: []Scope{Admin}}
}

// By is how the audit names the principal: "key:ID/NAME", "oidc:SUBJECT" or "local".
// It is at most 200 bytes without control characters.
func (p Principal) By() string {
	by := string(p.Kind)
	if p.ID != "" {
		by += ":" + p.ID
	}
	if p.Name != "" {
		by += "/" + p.Name
	}
	return fault.Clip(by, maxBy)
}

// Has reports whether the principal has one of the scopes.
func (p Principal) Has(one ...Scope) bool {
	return slices.Contains(p.Scopes, Admin) ||
		slices.ContainsFunc(one, func(s Scope) bool { return slices.Contains(p.Scopes, s) })
}

// Owns reports whether the principal administers the whole mill.
func (p Principal) Owns() bool { return p.Tenant == AnyTenant && p.Has(Admin) }

// ActsFor returns the tenant of a request that asks for one. Empty asks for none:
// then it is the principal's own, or the default one. Fault: auth.tenant, whether
// there is such a tenant or not.
func (p Principal) ActsFor(asked string) (string, error) {
	switch {
	case p.Tenant != AnyTenant && (asked == "" || asked == p.Tenant):
		return p.Tenant, nil
	case p.Tenant != AnyTenant:
		return "", fault.New(fault.AuthTenant, "they are for tenant "+p.Tenant+" only", nil)
	case asked == "":
		return events.DefaultTenant, nil
	}
	return asked, nil
}
