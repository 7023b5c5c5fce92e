package identity_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// bucket is a bucket that can be away.
type bucket struct {
	*bus.KV
	away atomic.Bool
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	kv, err := bustest.Conn(t).KV(t.Context(), events.BucketCredentials)
	if err != nil {
		t.Fatal(err)
	}
	return &bucket{KV: kv}
}

// Watch fails while the bucket is away.
func (b *bucket) Watch(ctx context.Context, pattern string, fn func(*bus.Entry) error) error {
	if b.away.Load() {
		return fault.New(fault.BusTimeout, "away", nil)
	}
	return b.KV.Watch(ctx, pattern, fn)
}

// run keeps keys up to date until the test ends.
func run(t *testing.T, b *bucket, o identity.Options) *identity.Keys {
	t.Helper()
	k := identity.NewKeys(b, o)
	if err := k.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return k
}

func create(t *testing.T, k *identity.Keys, r api.KeyRequest) (api.Key, identity.Token) {
	t.Helper()
	if r.Name == "" {
		r.Name, r.Scopes = "robot", []string{"read"}
	}
	key, token, err := k.Create(t.Context(), r, identity.Local(), "a")
	if err != nil {
		t.Fatal(err)
	}
	return key, token
}

// eventually tries until it is so, for as long as only a broken test takes.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

func TestTokensHideTheirSecret(t *testing.T) {
	t.Parallel()
	token := identity.NewToken("")
	secret := strings.Split(token.Reveal(), "_")[2]
	for _, text := range []string{fmt.Sprint(token), fmt.Sprintf("%+v %#v %q", token, token, token), token.Hash()} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows the secret", text)
		}
	}
	if len(secret) != 52 || token.Reveal() == identity.NewToken("").Reveal() {
		t.Errorf("secret %q", secret)
	}
	same, ok := identity.ParseToken(token.Reveal())
	if !ok || same != token || !same.Matches(token.Hash()) || same.Matches("") || same.Matches(identity.NewToken("").Hash()) {
		t.Error("parse")
	}
	for _, bad := range []string{
		"", "mr_", "mr_a_b", "x" + token.Reveal(), token.Reveal() + "a", strings.ToUpper(token.Reveal()),
		strings.TrimPrefix(token.Reveal(), "mr_"), "mr__" + secret, "mr_../x_" + secret, "mr_" + strings.Repeat("a", 40) + "_" + secret,
	} {
		if _, ok := identity.ParseToken(bad); ok {
			t.Errorf("%q is no key", bad)
		}
	}
}

// TestKeysOfTwoGateways makes and revokes a key at one and uses it at another.
func TestKeysOfTwoGateways(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	one, two := run(t, b, identity.Options{}), run(t, b, identity.Options{})
	key, token := create(t, one, api.KeyRequest{})
	p, err := one.Authenticate(t.Context(), token.Reveal())
	if err != nil || p.By() != "key:"+key.ID+"/robot" || p.Tenant != "a" || !one.Stands(p) {
		t.Fatalf("%+v %v", p, err)
	}
	eventually(t, "the other gateway does not know the key", func() bool {
		_, err := two.Authenticate(t.Context(), token.Reveal())
		return err == nil
	})
	// Another secret is another key, whatever its id.
	other := "mr_" + key.ID + "_" + strings.Split(identity.NewToken("").Reveal(), "_")[2]
	for _, bad := range []string{other, identity.NewToken("").Reveal(), "mr_", "mr_x_y"} {
		if _, err := one.Authenticate(t.Context(), bad); !fault.Has(err, fault.AuthInvalid) || strings.Contains(err.Error(), key.ID) {
			t.Errorf("%v", err)
		}
	}
	eventually(t, "the use of the key is not written down", func() bool {
		list, err := two.List("a")
		return err == nil && len(list) == 1 && list[0].UsedAt.Equal(time.Now().UTC().Truncate(time.Hour))
	})
	for range 2 {
		revoked, err := two.Revoke(t.Context(), "a", key.ID, "ann", "lost")
		if err != nil || revoked.RevokedBy != "ann" || revoked.Reason != "lost" {
			t.Fatalf("%+v %v", revoked, err)
		}
	}
	if two.Stands(p) {
		t.Error("a revoked key stands where it was revoked")
	}
	eventually(t, "the key is still good at the other gateway", func() bool {
		_, err := one.Authenticate(t.Context(), token.Reveal())
		return fault.Has(err, fault.AuthInvalid) && !one.Stands(p)
	})
	for tenant, id := range map[string]string{"b": key.ID, "a": "none", "*": ""} {
		if _, err := one.Revoke(t.Context(), tenant, id, "ann", ""); !fault.Has(err, fault.KeyNotFound) {
			t.Errorf("%s %s: %v", tenant, id, err)
		}
	}
	// The bucket holds no secret.
	value, _, err := b.Get(t.Context(), "key."+key.ID)
	if err != nil || strings.Contains(string(value), strings.Split(token.Reveal(), "_")[2]) {
		t.Errorf("%s %v", value, err)
	}
}

func TestKeysExpire(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	turn := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	b := newBucket(t)
	k := run(t, b, identity.Options{Now: clock})
	_, token := create(t, k, api.KeyRequest{Name: "brief", Scopes: []string{"admin"}, ExpiresAt: now.Add(time.Hour)})
	p, err := k.Authenticate(t.Context(), token.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	// A key that ends makes none that outlives it.
	for _, end := range []time.Time{{}, now.Add(2 * time.Hour)} {
		_, _, err := k.Create(t.Context(), api.KeyRequest{Name: "x", Scopes: []string{"read"}, ExpiresAt: end}, p, "a")
		if !fault.Has(err, fault.KeyTooWide) {
			t.Errorf("%v", err)
		}
	}
	turn(time.Hour)
	if _, err := k.Authenticate(t.Context(), token.Reveal()); !fault.Has(err, fault.AuthExpired) || k.Stands(p) {
		t.Errorf("expired: %v", err)
	}
	// Long after, it is forgotten.
	turn(91 * 24 * time.Hour)
	create(t, k, api.KeyRequest{})
	eventually(t, "the old key is still listed", func() bool {
		list, err := k.List("*")
		return err == nil && len(list) == 1
	})
}

// TestKeysWhileTheBucketIsAway goes on with what is known, and knows nothing before.
func TestKeysWhileTheBucketIsAway(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	k := run(t, b, identity.Options{Renew: 20 * time.Millisecond, Pause: 20 * time.Millisecond})
	_, token := create(t, k, api.KeyRequest{})
	b.away.Store(true)
	late := identity.NewKeys(b, identity.Options{})
	if err := late.Read(t.Context()); !fault.Has(err, fault.BusTimeout) {
		t.Errorf("%v", err)
	}
	if _, err := late.Authenticate(t.Context(), token.Reveal()); !fault.Has(err, fault.AuthUnavailable) {
		t.Errorf("%v", err)
	}
	if _, err := late.List("*"); !fault.Has(err, fault.AuthUnavailable) {
		t.Errorf("%v", err)
	}
	time.Sleep(60 * time.Millisecond)
	if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Errorf("%v", err)
	}
	b.away.Store(false)
	if err := late.Read(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := late.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Errorf("%v", err)
	}
}

// TestTheFirstKeyIsMadeByOne starts several processes on one new mill.
func TestTheFirstKeyIsMadeByOne(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	dir := t.TempDir()
	var made atomic.Int32
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			path := filepath.Join(dir, fmt.Sprint(i))
			ok, err := identity.NewKeys(b, identity.Options{}).First(t.Context(), path)
			if err != nil {
				t.Error(err)
			}
			_, err = os.Stat(path)
			if ok != (err == nil) {
				t.Errorf("made %v, file %v", ok, err)
			}
			if ok {
				made.Add(1)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Fatalf("%d made the first key", made.Load())
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	data, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	k := run(t, b, identity.Options{})
	p, err := k.Authenticate(t.Context(), strings.TrimSpace(string(data)))
	if err != nil || !p.Owns() {
		t.Errorf("%+v %v", p, err)
	}
	// Revoked, it does not come again.
	if _, err := k.Revoke(t.Context(), "*", identity.FirstID, "ann", "done"); err != nil {
		t.Fatal(err)
	}
	if ok, err := k.First(t.Context(), filepath.Join(dir, "again")); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

func TestRubbishInTheBucket(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	for key, value := range map[string]string{"key.x": "{", "key.y": `{"id":"z"}`, "used.q": "noon", "used.r": "2026-01-02T03:00:00Z", "other": "x"} {
		if _, err := b.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	k := run(t, b, identity.Options{})
	create(t, k, api.KeyRequest{})
	if list, err := k.List("*"); err != nil || len(list) != 1 {
		t.Errorf("%+v %v", list, err)
	}
}

type yes struct{}

func (yes) Authenticate(context.Context, string) (identity.Principal, error) {
	return identity.Principal{Kind: identity.KindOIDC, Expires: time.Now().Add(time.Hour)}, nil
}

func TestDoor(t *testing.T) {
	t.Parallel()
	k := run(t, newBucket(t), identity.Options{})
	for _, d := range []identity.Door{{Keys: k}, {Keys: k, Issuer: yes{}}} {
		for token, want := range map[string]bool{"mr_a.b.c": false, "a.b.c": d.Issuer != nil, "a.b": false, "": false} {
			p, err := d.Authenticate(t.Context(), token)
			if (err == nil) != want || err != nil && !errors.Is(err, fault.From(err)) || want != d.Stands(p) {
				t.Errorf("%q: %+v %v", token, p, err)
			}
		}
	}
}
