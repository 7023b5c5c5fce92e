package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// anonymous is what the audit says of who asked while nobody has to say who they are.
const anonymous = "http"

// Authenticator tells who makes a request.
type Authenticator interface {
	// Authenticate returns whom a bearer token stands for. Faults: auth.invalid,
	// auth.expired, auth.unavailable.
	Authenticate(ctx context.Context, token string) (identity.Principal, error)
	// Stands reports whether a principal would still be let in; it never waits.
	// Requests that last ask from time to time.
	Stands(p identity.Principal) bool
}

// enter lets a request pass or refuses it, and finds the tenant that it is about.
// Without identity everybody passes, as whichever tenant they say.
func (x *exchange) enter(a access) error {
	switch {
	case x.g.Auth == nil:
		if x.tenant = x.asked; x.tenant == "" {
			x.tenant = events.DefaultTenant
		}
		return nil
	case a.open:
		return nil // without a tenant
	}
	p, err := x.identify()
	if err == nil {
		err = a.admits(p)
	}
	if err == nil {
		x.tenant, err = p.ActsFor(x.asked)
	}
	if err != nil {
		x.challenge(a, err)
		return err
	}
	x.principal = &p
	return nil
}

// identify finds out who makes the request. Faults: auth.required and those of
// [Authenticator].
func (x *exchange) identify() (identity.Principal, error) {
	token, err := bearer(x.r.Header)
	local := onLoopback(x.r) && fromLoopback(x.r)
	switch {
	case err != nil:
		return identity.Principal{}, x.struck(err)
	case token == "" && x.g.TrustLocal && local, local && x.g.isLocalKey(token):
		return identity.Local(), nil
	case token == "":
		return identity.Principal{}, fault.New(fault.AuthRequired, "", nil)
	}
	p, err := x.g.Auth.Authenticate(x.r.Context(), token)
	return p, x.struck(err)
}

// isLocalKey reports whether a token is the key of the mill's owner on this machine.
func (g *Gateway) isLocalKey(token string) bool {
	t, ok := identity.ParseToken(token)
	return ok && g.LocalKey != (identity.Token{}) && t.Matches(g.LocalKey.Hash())
}

// struck counts credentials that are not valid, and makes of their refusal another
// when too many came from one address. Fault: auth.too_many_failures.
func (x *exchange) struck(err error) error {
	if !fault.Has(err, fault.AuthInvalid) && !fault.Has(err, fault.AuthExpired) {
		return err
	}
	from, _ := netip.ParseAddrPort(x.r.RemoteAddr) // the zero address is as good as any
	if wait := x.g.strikes.Note(from.Addr(), time.Now()); wait > 0 {
		return &fault.Error{Code: fault.AuthTooManyFailures, RetryAfter: wait}
	}
	x.g.Log.Info("credentials are refused", "request", x.id, "from", from.Addr(), "code", fault.From(err).Code)
	return err
}

// bearer returns the token of a request, or nothing when it has none.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fault.New(fault.AuthInvalid, "send one header: Authorization: Bearer TOKEN", nil)
	}
	return token, nil
}

// challenge says in the answer what credentials it takes (RFC 6750).
func (x *exchange) challenge(a access, err error) {
	say := `Bearer realm="millrace"`
	switch f := fault.From(err); {
	case f.Code == fault.AuthScope:
		say += `, error="insufficient_scope", scope="` + identity.Join(a.one, " ") + `"`
	case f.Code == fault.AuthInvalid, f.Code == fault.AuthExpired:
		say += `, error="invalid_token"`
	case f.Code != fault.AuthRequired:
		return
	}
	x.w.Header().Set("WWW-Authenticate", say)
}

// fromLoopback reports whether the other end of the connection is this machine.
func fromLoopback(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// by is how the audit names who makes the request. claimed is what they say of
// themselves: it counts only where nobody has to prove it.
func (x *exchange) by(claimed string) string {
	switch {
	case claimed != "" && (x.principal == nil || x.principal.Kind == identity.KindLocal):
		return claimed
	case x.principal == nil:
		return anonymous
	}
	return x.principal.By()
}

// may refuses what the route's scope alone does not allow. Fault: auth.scope.
func (x *exchange) may(scope identity.Scope) error {
	if x.principal == nil {
		return nil
	}
	a := needs(scope)
	err := a.admits(*x.principal)
	if err != nil {
		x.challenge(a, err)
	}
	return err
}

// stands reports whether the one who makes the request would still be let in.
func (x *exchange) stands() bool {
	return x.principal == nil || x.principal.Kind == identity.KindLocal || x.g.Auth.Stands(*x.principal)
}
