package oidc

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Limits on asking the issuer.
const (
	// fetchTimeout bounds each question.
	fetchTimeout = 5 * time.Second
	// again is how long after a question a token may cause another.
	again = 30 * time.Second
	// maxKeys bounds the answer in bytes.
	maxKeys = 1 << 20
)

// Run reads the issuer's keys now and again until ctx ends, and returns nil then. It
// is called once.
func (v *Verifier) Run(ctx context.Context) error {
	pause := time.Second
	for {
		wait := v.Refresh
		if !v.fetch(ctx, 0) {
			wait, pause = min(pause, v.Refresh), min(2*pause, time.Minute)
		} else {
			pause = time.Second
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// fetch reads the issuer's keys, unless it was asked less than rest ago, and reports
// whether it has. Of several calls at once one asks. After a failure the keys known
// before go on.
func (v *Verifier) fetch(ctx context.Context, rest time.Duration) bool {
	v.fetching.Lock()
	defer v.fetching.Unlock()
	v.mu.Lock()
	soon := !v.tried.IsZero() && v.Now().Sub(v.tried) < rest
	if !soon {
		v.tried = v.Now()
	}
	v.mu.Unlock()
	if soon {
		return false
	}
	// Others wait for the answer, whatever becomes of the request that asked first.
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if rest == 0 { // the program stops
			cancel()
		}
	})
	defer stop()
	keys, err := v.ask(ask)
	if err != nil {
		if ctx.Err() == nil {
			v.Log.Warn("the keys of the issuer cannot be read; going on with those known", "issuer", v.Issuer, "error", err)
		}
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys, v.read = &oidc.StaticKeySet{PublicKeys: keys}, v.Now()
	return true
}

// ask asks the issuer where its keys are, and reads them.
func (v *Verifier) ask(ctx context.Context) ([]crypto.PublicKey, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, v.HTTPClient), v.Issuer)
	if err != nil {
		return nil, err
	}
	var about struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&about); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, about.Keys, nil)
	if err != nil {
		return nil, err
	}
	answer, err := v.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxKeys))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", answer.Status)
	}
	return parse(data)
}

// parse reads the public keys that sign. Keys of other kinds are left out.
func parse(data []byte) ([]crypto.PublicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	var keys []crypto.PublicKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) == nil && k.IsPublic() && (k.Use == "" || k.Use == "sig") {
			keys = append(keys, k.Key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the issuer has no key that signs")
	}
	return keys, nil
}
