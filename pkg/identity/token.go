package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// tokenPrefix begins every API key, so that people and scanners for secrets know one.
const tokenPrefix = "mr_"

// Sizes of the parts of a key in random bytes.
const (
	idBytes     = 10
	secretBytes = 32
)

// letters encodes the parts of a key: no two that look alike by case.
var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// Token is an API key: "mr_", an id, "_" and 256 random bits. It is a secret: it
// prints as its id alone.
type Token struct{ id, secret string }

// NewToken makes a key. An empty id is made, too.
func NewToken(id string) Token {
	if id == "" {
		id = random(idBytes)
	}
	return Token{id, random(secretBytes)}
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails: without randomness the program ends
	return strings.ToLower(letters.EncodeToString(b))
}

// ParseToken reads a key. ok is false for a text that is none.
func ParseToken(text string) (t Token, ok bool) {
	id, secret, found := strings.Cut(strings.TrimPrefix(text, tokenPrefix), "_")
	if !found || !strings.HasPrefix(text, tokenPrefix) || !coded(id) || !coded(secret) ||
		len(id) > 32 || len(secret) != letters.EncodedLen(secretBytes) {
		return Token{}, false
	}
	return Token{id, secret}, true
}

// coded reports whether a text can be a part of a key.
func coded(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// ID is the part of the key that is no secret.
func (t Token) ID() string { return t.id }

// String is the key without its secret.
func (t Token) String() string { return tokenPrefix + t.id + "_…" }

// GoString is the key without its secret.
func (t Token) GoString() string { return t.String() }

// Reveal is the whole key, to be shown to its holder and to nobody else.
func (t Token) Reveal() string { return tokenPrefix + t.id + "_" + t.secret }

// Hash is what is stored of the key. There are 256 random bits in it, so that no
// slow hash is needed to keep it from being guessed.
func (t Token) Hash() string {
	sum := sha256.Sum256([]byte(t.Reveal()))
	return hex.EncodeToString(sum[:])
}

// Matches compares the key with a hash, in the same time wherever they differ.
func (t Token) Matches(hash string) bool {
	return subtle.ConstantTimeCompare([]byte(t.Hash()), []byte(hash)) == 1
}
