// Package oidc takes bearer tokens of an issuer of OpenID Connect: it compares their
// signature, issuer, audience and times, and makes a principal of their claims.
//
// The issuer's keys are read at the start and again from time to time. While the
// issuer is away, those read last count, for a day; a token that none of them has
// signed lets them be read again, at most twice a minute, whatever is sent.
package oidc

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// ScopePrefix begins the values of the scope claim that name a scope of Millrace
// without being mapped: "millrace:read".
const ScopePrefix = "millrace:"

// Config says which tokens are taken, and what their claims mean. Issuer and Audience
// are required.
type Config struct {
	// Issuer is the address of the issuer, as its tokens have it: https, or http on
	// loopback.
	Issuer string
	// Audience is whom the tokens are for.
	Audience string
	// TenantClaim is the claim that says whose work it is about, a text or a list.
	// Empty means "tenant".
	TenantClaim string
	// Tenants maps values of that claim to tenants; "*" is all of them. Empty takes
	// each value for the tenant of that name.
	Tenants map[string]string
	// DefaultTenant is that of tokens that name none. Empty refuses them.
	DefaultTenant string
	// ScopeClaim is the claim that says what may be done, a text with spaces or a
	// list. Empty means "scope".
	ScopeClaim string
	// Scopes maps values of that claim to scopes. Values that begin with ScopePrefix
	// need no mapping.
	Scopes map[string][]identity.Scope

	// Refresh is how often the keys are read. Zero means every 10 minutes.
	Refresh time.Duration
	// Keep is how long keys count that cannot be read again. Zero means a day.
	Keep time.Duration
	// HTTPClient asks the issuer. Nil means one of the package's own.
	HTTPClient *http.Client `json:"-"`
	// Now is the clock. Nil means time.Now.
	Now func() time.Time `json:"-"`
	// Log takes trouble with the issuer. Nil discards it.
	Log *slog.Logger
}

func (c *Config) setDefaults() error {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && onLoopback(u.Hostname())) {
		return errors.New("the issuer is an https address without user and query")
	}
	if c.Audience == "" {
		return errors.New("name the audience of the issuer's tokens")
	}
	for value, tenant := range c.Tenants {
		if tenant != identity.AnyTenant && !events.ValidToken(tenant) {
			return errors.New("the tenant of " + fault.Clip(value, 100) + " is not 1 to 64 of a-z, 0-9, _ and -, or *")
		}
	}
	if c.DefaultTenant != "" && !events.ValidToken(c.DefaultTenant) {
		return errors.New("the default tenant is not 1 to 64 of a-z, 0-9, _ and -")
	}
	defaultTo(&c.TenantClaim, "tenant")
	defaultTo(&c.ScopeClaim, "scope")
	defaultTo(&c.Refresh, 10*time.Minute)
	defaultTo(&c.Keep, 24*time.Hour)
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Timeout: fetchTimeout}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func defaultTo[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

func onLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
