package gateway

import (
	"net/http"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/openapi"
)

// access says who may use a route. The zero value says nobody.
type access struct {
	// open lets everybody in, known everybody who has proved who they are.
	open, known bool
	// one holds scopes, one of which is enough.
	one []identity.Scope
	// mill keeps those out who belong to one tenant.
	mill bool
	// brings marks a route that brings in something new. It is closed while there is
	// little room; an upload that has begun may go on.
	brings bool
}

// open is for routes that say nothing of any tenant. They have no tenant either.
func open() access { return access{open: true} }

// known is for whoever has proved who they are.
func known() access { return access{known: true} }

// needs is for principals that have one of the scopes.
func needs(one ...identity.Scope) access { return access{one: one} }

// ofMill keeps out who belongs to one tenant: the route is about the whole mill.
func (a access) ofMill() access {
	a.mill = true
	return a
}

// bringing marks a route that brings in something new.
func (a access) bringing() access {
	a.brings = true
	return a
}

// scope is how the list of routes names what a route needs.
func (a access) scope() string {
	switch {
	case a.open:
		return "open"
	case a.known:
		return "known"
	}
	return identity.Join(a.one, " or ")
}

// document is how the OpenAPI document tells it.
func (a access) document() openapi.Access {
	d := openapi.Access{Open: a.open, Known: a.known, Mill: a.mill}
	for _, s := range a.one {
		d.Scopes = append(d.Scopes, string(s))
	}
	return d
}

// admits refuses a principal. Faults: auth.closed, auth.scope, auth.mill.
func (a access) admits(p identity.Principal) error {
	switch {
	case a.open || a.known:
	case len(a.one) == 0:
		return fault.New(fault.AuthClosed, "", nil)
	case !p.Has(a.one...):
		return fault.New(fault.AuthScope, "they lack scope "+a.scope(), nil)
	}
	if a.mill && p.Tenant != identity.AnyTenant {
		return fault.New(fault.AuthMill, "", nil)
	}
	return nil
}

// doorway finds who may use what a request asks for, by the pattern that the
// multiplexer has found for it. What has no row in the table of doors is closed.
func (g *Gateway) doorway(method, pattern string) access {
	path := pattern
	if _, after, ok := strings.Cut(pattern, " "); ok {
		path = after
	}
	path = strings.TrimSuffix(path, "{$}")
	if g.answers[path] == nil && g.answers[path+"/"] != nil {
		path += "/" // the same route without the slash at its end
	}
	a, ok := g.doors[method+" "+path]
	if !ok && method == http.MethodHead {
		a, ok = g.doors[http.MethodGet+" "+path]
	}
	switch {
	case ok:
		return a
	case method == http.MethodOptions:
		return open() // which methods there are is no secret
	case path == "", path == "/":
		return open() // there is nothing but a refusal
	case g.answers[path] != nil && !g.answers[path][method]:
		return open() // as well: the path does not take the method
	}
	return access{}
}
