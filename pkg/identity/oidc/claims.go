package oidc

import (
	"encoding/json"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// claims are what a token says, undecoded.
type claims map[string]json.RawMessage

// values reads a claim that is a text or a list of texts. Anything else says nothing.
func (c claims) values(name string) []string {
	var one string
	if json.Unmarshal(c[name], &one) == nil {
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal(c[name], &list)
	return list
}

// tenant finds whose work a token is about. Fault: auth.tenant when it says nothing
// that is known, or several things.
func (c *Config) tenant(all claims) (string, error) {
	found := ""
	for _, value := range all.values(c.TenantClaim) {
		tenant, ok := c.Tenants[value]
		if len(c.Tenants) == 0 && events.ValidToken(value) {
			tenant, ok = value, true // never all of them
		}
		switch {
		case !ok:
		case found != "" && found != tenant:
			return "", fault.New(fault.AuthTenant, "claim "+c.TenantClaim+" of the token names several", nil)
		default:
			found = tenant
		}
	}
	if found == "" {
		found = c.DefaultTenant
	}
	if found == "" {
		return "", fault.New(fault.AuthTenant, "claim "+c.TenantClaim+" of the token names none that is known here", nil)
	}
	return found, nil
}

// scopes finds what a token lets do. Values that mean nothing here are those of other
// programs.
func (c *Config) scopes(all claims) []identity.Scope {
	var names []string
	for _, text := range all.values(c.ScopeClaim) {
		for _, value := range append(strings.Fields(text), text) {
			for _, s := range c.Scopes[value] {
				names = append(names, string(s))
			}
			if own, ok := strings.CutPrefix(value, ScopePrefix); ok {
				names = append(names, own)
			}
		}
	}
	var list []identity.Scope
	for _, name := range names {
		if s, err := identity.ParseScopes(name); err == nil {
			list = append(list, s...)
		}
	}
	return list
}
