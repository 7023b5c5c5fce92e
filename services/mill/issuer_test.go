package mill_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/identity/oidc"
)

// issuer is an issuer of OpenID Connect for the audience "mill" that can be away, with a
// clock that the mill shares.
type issuer struct {
	*httptest.Server
	t *testing.T

	mu   sync.Mutex
	away bool
	keys []jose.JSONWebKey
	now  time.Time
}

// newIssuer starts one that is away.
func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, now: time.Now(), away: true}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	answer := any(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	switch {
	case i.away:
		w.WriteHeader(http.StatusBadGateway)
		return
	case r.URL.Path == "/keys":
		answer = jose.JSONWebKeySet{Keys: i.keys}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// config is what the mill is told of the issuer. The keys are read once by themselves,
// and then when a token asks for it.
func (i *issuer) config() *oidc.Config {
	return &oidc.Config{
		Issuer: i.URL, Audience: "mill", Refresh: 24 * time.Hour, Now: i.clock,
		Tenants: map[string]string{"acme-corp": "acme", "other-corp": "other", "owners": identity.AnyTenant},
		Scopes:  map[string][]identity.Scope{"mill-ops": {identity.Read, identity.Submit, identity.Control}},
	}
}

func (i *issuer) clock() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// later lets time pass for the issuer and the mill's view of its tokens.
func (i *issuer) later(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}

func (i *issuer) setAway(away bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away = away
}

// newKey makes a key that nobody knows, with its name.
func newKey(t *testing.T, name string) (*ecdsa.PrivateKey, jose.Signer) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: name},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return private, s
}

// rotate puts a key in the place of those that the issuer shows.
func (i *issuer) rotate(name string) jose.Signer {
	i.t.Helper()
	private, s := newKey(i.t, name)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = []jose.JSONWebKey{{Key: private.Public(), KeyID: name, Use: "sig", Algorithm: string(jose.ES256)}}
	return s
}

// token signs claims, which complete those that every token has: of ann of acme, good
// for an hour, who may read.
func (i *issuer) token(s jose.Signer, claims map[string]any) string {
	i.t.Helper()
	all := map[string]any{
		"iss": i.URL, "aud": "mill", "sub": "ann", "iat": i.clock().Unix(), "exp": i.clock().Add(time.Hour).Unix(),
		"tenant": "acme-corp", "scope": "openid millrace:read",
	}
	for name, value := range claims {
		all[name] = value
	}
	data, err := json.Marshal(all)
	if err != nil {
		i.t.Fatal(err)
	}
	signed, err := s.Sign(data)
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}
