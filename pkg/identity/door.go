package identity

import (
	"context"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Issuer tells whom a token of somebody else's making stands for.
type Issuer interface {
	// Authenticate returns whom a token stands for. Faults: auth.invalid,
	// auth.expired, auth.unavailable.
	Authenticate(ctx context.Context, token string) (Principal, error)
}

// Door takes keys and, when it has an issuer, tokens of that.
type Door struct {
	Keys   *Keys
	Issuer Issuer
}

// Authenticate returns whom a bearer token stands for. Faults: auth.invalid,
// auth.expired, auth.unavailable.
func (d Door) Authenticate(ctx context.Context, token string) (Principal, error) {
	switch {
	case strings.HasPrefix(token, tokenPrefix):
		return d.Keys.Authenticate(ctx, token)
	case d.Issuer != nil && strings.Count(token, ".") == 2:
		return d.Issuer.Authenticate(ctx, token)
	}
	return Principal{}, fault.New(fault.AuthInvalid, "", nil)
}

// Stands reports whether a principal would still be let in: its key was not revoked,
// and its credentials have not expired.
func (d Door) Stands(p Principal) bool {
	switch p.Kind {
	case KindKey:
		return d.Keys.Stands(p)
	case KindOIDC:
		return time.Now().Before(p.Expires)
	}
	return false
}
