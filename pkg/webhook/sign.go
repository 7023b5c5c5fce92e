package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Headers of a webhook.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// ContentType is that of a webhook.
const ContentType = "application/cloudevents+json; charset=utf-8"

// Scheme is how an endpoint's events are signed.
type Scheme string

// The schemes.
const (
	// SchemeV1 is a HMAC with a secret that both sides know.
	SchemeV1 Scheme = "v1"
	// SchemeV1a is Ed25519: the receiver knows the public key only.
	SchemeV1a Scheme = "v1a"
)

// Prefixes of keys in text.
const (
	prefixSecret  = "whsec_"
	prefixPrivate = "whsk_"
	prefixPublic  = "whpk_"
)

// Limits of a shared secret, in bytes.
const (
	minSecret = 24
	maxSecret = 64
	newSecret = 32
)

// Key signs events. It prints as nothing of use.
type Key struct {
	scheme Scheme
	secret []byte // the shared secret, or the private key
}

// NewKey makes a key.
func NewKey(s Scheme) Key {
	if s == SchemeV1a {
		_, private, _ := ed25519.GenerateKey(nil) // never fails
		return Key{s, private}
	}
	secret := make([]byte, newSecret)
	rand.Read(secret) // never fails
	return Key{SchemeV1, secret}
}

// ParseKey reads a key as [Key.Reveal] writes it: whsec_ and the base64 of 24 to 64
// bytes, or whsk_ and that of an Ed25519 private key with its public key. Fault:
// webhook.invalid, which shows nothing of the key.
func ParseKey(text string) (Key, error) {
	if rest, ok := strings.CutPrefix(text, prefixSecret); ok {
		b, err := base64.StdEncoding.DecodeString(rest)
		if err == nil && len(b) >= minSecret && len(b) <= maxSecret {
			return Key{SchemeV1, b}, nil
		}
	}
	if rest, ok := strings.CutPrefix(text, prefixPrivate); ok {
		b, err := base64.StdEncoding.DecodeString(rest)
		if err == nil && len(b) == ed25519.PrivateKeySize &&
			bytes.Equal(ed25519.NewKeyFromSeed(b[:ed25519.SeedSize]), b) {
			return Key{SchemeV1a, b}, nil
		}
	}
	return Key{}, fault.New(fault.WebhookInvalid,
		"a key is whsec_ and 24 to 64 bytes in base64, or whsk_ and an Ed25519 private key", nil)
}

// Scheme is how the key signs.
func (k Key) Scheme() Scheme { return k.scheme }

// Reveal is the key as text. It must not be seen by others.
func (k Key) Reveal() string {
	if k.scheme == SchemeV1a {
		return prefixPrivate + base64.StdEncoding.EncodeToString(k.secret)
	}
	return prefixSecret + base64.StdEncoding.EncodeToString(k.secret)
}

// Public is what a receiver needs beside the headers and may show to everybody: whpk_
// and the public key in base64. It is empty for a shared secret.
func (k Key) Public() string {
	if k.scheme != SchemeV1a {
		return ""
	}
	return prefixPublic + base64.StdEncoding.EncodeToString(k.secret[ed25519.SeedSize:])
}

// Sign returns the signature of one attempt to send body.
func (k Key) Sign(id string, at time.Time, body []byte) string {
	message := make([]byte, 0, len(id)+len(body)+22)
	message = append(message, id...)
	message = append(message, '.')
	message = strconv.AppendInt(message, at.Unix(), 10)
	message = append(message, '.')
	message = append(message, body...)
	var sum []byte
	if k.scheme == SchemeV1a {
		sum = ed25519.Sign(k.secret, message)
	} else {
		h := hmac.New(sha256.New, k.secret)
		h.Write(message)
		sum = h.Sum(nil)
	}
	return string(k.scheme) + "," + base64.StdEncoding.EncodeToString(sum)
}

// Headers returns the headers of one attempt to send body, signed by every key.
func Headers(id string, at time.Time, body []byte, keys []Key) map[string]string {
	signatures := make([]string, len(keys))
	for i, k := range keys {
		signatures[i] = k.Sign(id, at, body)
	}
	return map[string]string{
		HeaderID: id, HeaderTimestamp: strconv.FormatInt(at.Unix(), 10),
		HeaderSignature: strings.Join(signatures, " "),
	}
}

// String shows nothing.
func (Key) String() string { return "(key)" }

// GoString shows nothing.
func (Key) GoString() string { return "(key)" }
