package oidc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 16 << 10

// Verifier tells whom a token stands for. It is safe for concurrent use. Only
// [Verifier.Run] reads the issuer's keys again by itself.
type Verifier struct {
	Config
	verifier *oidc.IDTokenVerifier

	fetching sync.Mutex // held while the issuer is asked
	mu       sync.Mutex
	keys     *oidc.StaticKeySet // nil until the issuer has answered
	read     time.Time          // when it answered last
	tried    time.Time          // when it was asked last
}

// New returns a verifier that knows no keys yet. Fault: mill.bad_config.
func New(c Config) (*Verifier, error) {
	if err := c.setDefaults(); err != nil {
		return nil, fault.New(fault.MillBadConfig, "OpenID Connect", err)
	}
	v := &Verifier{Config: c}
	v.verifier = oidc.NewVerifier(c.Issuer, keySet{v}, &oidc.Config{
		ClientID: c.Audience, Now: c.Now,
		// None of them takes a secret for a key, and none is "none".
		SupportedSigningAlgs: []string{
			oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
			oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
		},
	})
	return v, nil
}

// Authenticate returns whom a token stands for. Faults: auth.invalid, auth.expired,
// auth.tenant, and auth.unavailable while the issuer's keys are not known.
func (v *Verifier) Authenticate(ctx context.Context, token string) (identity.Principal, error) {
	if len(token) > maxToken {
		return identity.Principal{}, fault.New(fault.AuthInvalid, "the token is too long", nil)
	}
	if v.known() == nil && (!v.fetch(ctx, time.Second) || v.known() == nil) {
		return identity.Principal{}, fault.New(fault.AuthUnavailable, "the issuer of the token does not answer", nil)
	}
	t, err := v.verifier.Verify(ctx, token)
	var late *oidc.TokenExpiredError
	switch {
	case errors.As(err, &late):
		return identity.Principal{}, fault.New(fault.AuthExpired, "the token has expired", nil)
	case err != nil || t.Subject == "":
		// Why is for the operator: the token's text is in such errors.
		v.Log.Debug("a token is refused", "issuer", v.Issuer)
		return identity.Principal{}, fault.New(fault.AuthInvalid, "", nil)
	}
	var all claims
	if err := t.Claims(&all); err != nil {
		return identity.Principal{}, fault.New(fault.AuthInvalid, "", nil)
	}
	tenant, err := v.tenant(all)
	if err != nil {
		return identity.Principal{}, err
	}
	return identity.Principal{
		Kind: identity.KindOIDC, ID: t.Subject, Tenant: tenant, Scopes: v.scopes(all), Expires: t.Expiry.UTC(),
	}, nil
}

// known returns the keys that count now, or nil.
func (v *Verifier) known() *oidc.StaticKeySet {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys == nil || v.Now().Sub(v.read) > v.Keep {
		return nil
	}
	return v.keys
}

// keySet are the keys of the issuer, as the library asks for them: when all else
// about a token is right.
type keySet struct{ v *Verifier }

// VerifySignature returns what a token says when one of the keys has signed it. The
// keys are read again when none has: the issuer may have new ones.
func (k keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	keys := k.v.known()
	if keys == nil {
		return nil, errors.New("no keys are known")
	}
	payload, err := keys.VerifySignature(ctx, jwt)
	if err == nil || !k.v.fetch(ctx, again) {
		return payload, err
	}
	if keys = k.v.known(); keys == nil {
		return nil, err
	}
	return keys.VerifySignature(ctx, jwt)
}
