package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/identity/oidc"
)

// issuerFlags say which tokens of OpenID Connect are taken, and what they mean.
type issuerFlags struct {
	config          oidc.Config
	tenants, scopes []string // VALUE=MEANING
}

// add gives cmd the flags.
func (f *issuerFlags) add(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.config
	flags.StringVar(&c.Issuer, "oidc-issuer", "", "`URL` of an OpenID Connect issuer whose tokens are taken besides keys")
	flags.StringVar(&c.Audience, "oidc-audience", "", "`NAME` that the tokens must be for")
	flags.StringVar(&c.TenantClaim, "oidc-tenant-claim", "tenant", "`CLAIM` that says the tenant")
	flags.StringArrayVar(&f.tenants, "oidc-tenant", nil, "`VALUE=TENANT` for a value of that claim, * for all tenants; repeatable (default the value itself)")
	flags.StringVar(&c.DefaultTenant, "oidc-default-tenant", "", "`TENANT` of tokens that name none (default they are refused)")
	flags.StringVar(&c.ScopeClaim, "oidc-scope-claim", "scope", "`CLAIM` that says the scopes, as millrace:read and the like")
	flags.StringArrayVar(&f.scopes, "oidc-scope", nil, "`VALUE=LIST` of scopes for a value of that claim; repeatable")
}

// build returns what the flags say, or nil when they name no issuer.
func (f *issuerFlags) build() (*oidc.Config, error) {
	c := f.config
	if c.Issuer == "" {
		if c.Audience != "" || len(f.tenants)+len(f.scopes) > 0 {
			return nil, usage("the other --oidc flags need --oidc-issuer")
		}
		return nil, nil
	}
	c.Tenants, c.Scopes = make(map[string]string), make(map[string][]identity.Scope)
	for _, text := range f.tenants {
		value, tenant, ok := cutLast(text)
		if !ok {
			return nil, usage("--oidc-tenant is VALUE=TENANT, not %q", text)
		}
		c.Tenants[value] = tenant
	}
	for _, text := range f.scopes {
		value, list, ok := cutLast(text)
		scopes, err := identity.ParseScopes(list)
		if !ok || err != nil {
			return nil, usage("--oidc-scope is VALUE=LIST of scopes like ops=read,control, not %q", text)
		}
		c.Scopes[value] = scopes
	}
	if _, err := oidc.New(c); err != nil {
		return nil, err
	}
	return &c, nil
}

// cutLast cuts at the last =, because a value of a claim may have some.
func cutLast(text string) (value, meaning string, ok bool) {
	i := strings.LastIndexByte(text, '=')
	if i < 1 || i == len(text)-1 {
		return "", "", false
	}
	return text[:i], text[i+1:], true
}
