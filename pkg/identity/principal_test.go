package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

func TestParseScopes(t *testing.T) {
	t.Parallel()
	got, err := identity.ParseScopes("submit,read", "read", "admin decide")
	want := []identity.Scope{identity.Read, identity.Submit, identity.Decide, identity.Admin}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	for _, bad := range []string{"", ",", "write", "read,Root"} {
		if _, err := identity.ParseScopes(bad); !fault.Has(err, fault.KeyInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	p := identity.Principal{Kind: identity.KindOIDC, ID: "a\nb", Name: strings.Repeat("ü", 200), Tenant: "a", Scopes: []identity.Scope{identity.Read}}
	if by := p.By(); !strings.HasPrefix(by, "oidc:a b/ü") || len(by) > 200 {
		t.Errorf("by %q", by)
	}
	if !p.Has(identity.Submit, identity.Read) || p.Has(identity.Submit) || p.Has() || p.Owns() {
		t.Error("scopes")
	}
	if local := identity.Local(); !local.Has(identity.Rollback) || !local.Owns() || local.By() != "local" {
		t.Error("local")
	}
	for asked, want := range map[string]string{"": "a", "a": "a", "b": "", "default": ""} {
		got, err := p.ActsFor(asked)
		if got != want || fault.Has(err, fault.AuthTenant) != (want == "") {
			t.Errorf("%q: %q %v", asked, got, err)
		}
	}
	for asked, want := range map[string]string{"": "default", "b": "b"} {
		if got, err := identity.Local().ActsFor(asked); got != want || err != nil {
			t.Errorf("%q: %q %v", asked, got, err)
		}
	}
}
