package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
)

// listenerKey is where the address of the listener is in a request's context.
type listenerKey struct{}

// guard refuses requests before any route sees them.
func (g *Gateway) guard(r *http.Request) error {
	if onLoopback(r) && !g.hostAllowed(r.Host) {
		return fault.New(fault.HTTPBadHost, fault.Clip(r.Host, 100), nil)
	}
	if err := g.origins.Check(r); err != nil {
		return fault.New(fault.HTTPCrossSite, fault.Clip(r.Header.Get("Origin"), 200), nil)
	}
	// A multiplexer would redirect these; nobody means them.
	if p := r.URL.Path; p != path.Clean(p) && p != uploadsRoot {
		return fault.New(fault.HTTPNotFound,
			"the path has empty parts, dots or a slash at its end", nil)
	}
	return nil
}

// onLoopback reports whether the server listens on loopback only. A handler that is
// served by another server knows the address of the connection instead.
func onLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(listenerKey{}).(net.Addr)
	if !ok {
		addr, ok = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	}
	if !ok {
		return false
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// hostAllowed reports whether a Host header names this machine, with any port.
func (g *Gateway) hostAllowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
	return g.hosts[name] || netguard.Loopback(name)
}
