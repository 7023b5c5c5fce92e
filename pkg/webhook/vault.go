package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/millrace/millrace/pkg/fault"
)

// Vault keeps the keys of endpoints from those who read the broker's store. A key is
// encrypted with AES-256-GCM under a key of its endpoint, which is derived from the
// mill's secret, the tenant and the endpoint's id: moved to another endpoint it does
// not open. It prints as nothing of use.
type Vault struct{ secret [32]byte }

// NewVault returns a vault over the mill's secret, which all processes share that
// make endpoints or send to them.
func NewVault(secret [32]byte) Vault { return Vault{secret} }

// Seal encrypts a key of an endpoint.
func (v Vault) Seal(tenant, endpoint string, k Key) ([]byte, error) {
	box, err := v.box(tenant, endpoint)
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, nil, []byte(k.Reveal()), nil), nil
}

// Open is the inverse of Seal. Fault: webhook.secret_unreadable for what was sealed
// for another endpoint or under another secret.
func (v Vault) Open(tenant, endpoint string, sealed []byte) (Key, error) {
	box, err := v.box(tenant, endpoint)
	if err != nil {
		return Key{}, err
	}
	text, err := box.Open(nil, nil, sealed, nil)
	if err != nil {
		return Key{}, fault.New(fault.WebhookSecretUnreadable, "endpoint "+endpoint, nil)
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fault.New(fault.WebhookSecretUnreadable, "endpoint "+endpoint, nil)
	}
	return k, nil
}

// box makes up its nonces.
func (v Vault) box(tenant, endpoint string) (cipher.AEAD, error) {
	info := "millrace.dev/webhook/1 " + tenant + " " + endpoint
	key, err := hkdf.Key(sha256.New, v.secret[:], nil, info, 32)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "derive a key", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "derive a key", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// String shows nothing.
func (Vault) String() string { return "(vault)" }

// GoString shows nothing.
func (Vault) GoString() string { return "(vault)" }
