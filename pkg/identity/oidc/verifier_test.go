package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/identity/oidc"
)

// issuer is an issuer of OpenID Connect that can be away.
type issuer struct {
	*httptest.Server
	mu    sync.Mutex
	away  bool
	asked int
	keys  []jose.JSONWebKey
	now   time.Time
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{now: time.Now()}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) set(fn func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	fn()
}

func (i *issuer) clock() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// ServeHTTP answers with the configuration and the keys.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var answer any
	switch {
	case i.away:
		w.WriteHeader(http.StatusBadGateway)
		return
	case r.URL.Path == "/keys":
		i.asked++
		answer = map[string]any{"keys": append([]any{map[string]string{"kty": "of-the-future"}}, anys(i.keys)...)}
	default:
		answer = map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func anys(keys []jose.JSONWebKey) (list []any) {
	for _, k := range keys {
		list = append(list, k)
	}
	return list
}

// key makes a key that the issuer shows.
func (i *issuer) key(t *testing.T, alg jose.SignatureAlgorithm) jose.Signer {
	t.Helper()
	var private crypto.Signer
	var err error
	if alg == jose.RS256 {
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.set(func() { i.keys = append(i.keys, jose.JSONWebKey{Key: private.Public(), Use: "sig"}) })
	return signer(t, alg, private)
}

func signer(t *testing.T, alg jose.SignatureAlgorithm, key any) jose.Signer {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// token signs claims, which complete those that every token has.
func (i *issuer) token(t *testing.T, s jose.Signer, claims map[string]any) string {
	t.Helper()
	all := map[string]any{
		"iss": i.URL, "aud": "mill", "sub": "ann", "exp": i.clock().Add(time.Hour).Unix(),
		"tenant": "acme", "scope": "openid millrace:read ops",
	}
	for name, value := range claims {
		all[name] = value
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newVerifier(t *testing.T, i *issuer, c oidc.Config) *oidc.Verifier {
	t.Helper()
	c.Issuer, c.Audience, c.Now = i.URL, "mill", i.clock
	v, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTokens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	good, curve := i.key(t, jose.RS256), i.key(t, jose.ES256)
	v := newVerifier(t, i, oidc.Config{Scopes: map[string][]identity.Scope{"ops": {identity.Control, identity.Decide}}})
	for _, s := range []jose.Signer{good, curve} {
		p, err := v.Authenticate(t.Context(), i.token(t, s, nil))
		want := identity.Principal{
			Kind: identity.KindOIDC, ID: "ann", Tenant: "acme", Expires: i.clock().Add(time.Hour).UTC().Truncate(time.Second),
			Scopes: []identity.Scope{identity.Read, identity.Control, identity.Decide},
		}
		if d := cmp.Diff(want, p); d != "" || err != nil {
			t.Errorf("%v %s", err, d)
		}
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	token := i.token(t, good, nil)
	parts := strings.Split(token, ".")
	for name, c := range map[string]struct {
		token string
		code  fault.Code
	}{
		"another issuer":   {i.token(t, good, map[string]any{"iss": "https://evil.example"}), fault.AuthInvalid},
		"another audience": {i.token(t, good, map[string]any{"aud": []string{"else"}}), fault.AuthInvalid},
		"expired":          {i.token(t, good, map[string]any{"exp": i.clock().Add(-time.Minute).Unix()}), fault.AuthExpired},
		"not yet":          {i.token(t, good, map[string]any{"nbf": i.clock().Add(time.Hour).Unix()}), fault.AuthInvalid},
		"nobody":           {i.token(t, good, map[string]any{"sub": ""}), fault.AuthInvalid},
		"another key":      {i.token(t, signer(t, jose.RS256, stranger), nil), fault.AuthInvalid},
		"a shared secret":  {i.token(t, signer(t, jose.HS256, []byte(strings.Repeat("k", 32))), nil), fault.AuthInvalid},
		"no signature":     {"eyJhbGciOiJub25lIn0." + parts[1] + ".", fault.AuthInvalid},
		"changed":          {parts[0] + "." + parts[1] + "x." + parts[2], fault.AuthInvalid},
		"rubbish":          {"a.b.c", fault.AuthInvalid},
		"too long":         {strings.Repeat("x", 20<<10), fault.AuthInvalid},
		"no tenant":        {i.token(t, good, map[string]any{"tenant": nil}), fault.AuthTenant},
		"every tenant":     {i.token(t, good, map[string]any{"tenant": "*"}), fault.AuthTenant},
		"a number":         {i.token(t, good, map[string]any{"tenant": 7}), fault.AuthTenant},
		"two tenants":      {i.token(t, good, map[string]any{"tenant": []string{"a", "b"}}), fault.AuthTenant},
	} {
		if _, err := v.Authenticate(t.Context(), c.token); !fault.Has(err, c.code) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), parts[1]) {
			t.Errorf("%s: the token is in the error", name)
		}
	}
	// A bad scope is none, and bare names are those of others.
	p, err := v.Authenticate(t.Context(), i.token(t, good, map[string]any{"scope": []string{"admin", "millrace:root"}}))
	if len(p.Scopes) != 0 || err != nil {
		t.Errorf("%v %v", p.Scopes, err)
	}
}

func TestMappedTenants(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s := i.key(t, jose.ES256)
	v := newVerifier(t, i, oidc.Config{
		TenantClaim: "groups", Tenants: map[string]string{"Acme GmbH": "acme", "platform": "*"}, DefaultTenant: "guests",
		ScopeClaim: "roles", Scopes: map[string][]identity.Scope{"Can Look": {identity.Read}},
	})
	for group, want := range map[string]string{"Acme GmbH": "acme", "platform": "*", "acme": "guests", "*": "guests"} {
		p, err := v.Authenticate(t.Context(), i.token(t, s, map[string]any{"groups": []string{"x", group}, "roles": "Can Look"}))
		if p.Tenant != want || !p.Has(identity.Read) || err != nil {
			t.Errorf("%s: %+v %v", group, p, err)
		}
	}
}

// TestTheIssuerIsAway takes tokens while the issuer is down, before, and too long.
func TestTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s := i.key(t, jose.ES256)
	i.set(func() { i.away = true })
	v := newVerifier(t, i, oidc.Config{})
	pass := func(d time.Duration) { i.set(func() { i.now = i.now.Add(d) }) }
	try := func(s jose.Signer) error {
		_, err := v.Authenticate(t.Context(), i.token(t, s, nil))
		return err
	}
	if err := try(s); !fault.Has(err, fault.AuthUnavailable) {
		t.Errorf("before it was ever there: %v", err)
	}
	i.set(func() { i.away = false })
	pass(2 * time.Second)
	if err := try(s); err != nil {
		t.Errorf("back: %v", err)
	}
	i.set(func() { i.away = true })
	pass(23 * time.Hour)
	if err := try(s); err != nil {
		t.Errorf("away: %v", err)
	}
	pass(2 * time.Hour)
	if err := try(s); !fault.Has(err, fault.AuthUnavailable) {
		t.Errorf("away for too long: %v", err)
	}

	// A new key is found by the first token that it has signed.
	i.set(func() { i.away = false })
	pass(time.Minute)
	if err := try(s); err != nil {
		t.Fatal(err)
	}
	next := i.key(t, jose.ES256)
	if err := try(next); !fault.Has(err, fault.AuthInvalid) {
		t.Errorf("just asked: %v", err)
	}
	pass(time.Minute)
	if err := try(next); err != nil {
		t.Errorf("a new key: %v", err)
	}
	// What is sent does not decide how often the issuer is asked.
	asked := 0
	i.set(func() { asked = i.asked })
	other := newIssuer(t).key(t, jose.ES256)
	for range 50 {
		if err := try(other); !fault.Has(err, fault.AuthInvalid) {
			t.Error(err)
		}
	}
	i.set(func() { asked = i.asked - asked })
	if asked > 1 {
		t.Errorf("50 bad tokens ask the issuer %d times", asked)
	}
}

func TestBadConfigurations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]oidc.Config{
		"nothing":       {},
		"no audience":   {Issuer: "https://id.example"},
		"not encrypted": {Issuer: "http://id.example", Audience: "mill"},
		"a password":    {Issuer: "https://u:p@id.example", Audience: "mill"},
		"a bad tenant":  {Issuer: "https://id.example", Audience: "mill", Tenants: map[string]string{"x": "A B"}},
		"a bad default": {Issuer: "https://id.example", Audience: "mill", DefaultTenant: "*"},
	} {
		if _, err := oidc.New(c); !fault.Has(err, fault.MillBadConfig) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
