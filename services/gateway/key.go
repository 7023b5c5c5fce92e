package gateway

import (
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// maxKey is the longest idempotency key in bytes.
const maxKey = 255

// headerKey reads the Idempotency-Key header: a string in quotes, as the draft
// wants (draft-ietf-httpapi-idempotency-key-header, RFC 8941), or as it is, as many
// send it. It is empty when there is none. Fault: http.bad_key.
func headerKey(h http.Header) (string, error) {
	values := h.Values(api.HeaderIdempotencyKey)
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", badKey("the header is there more than one time")
	}
	key := strings.Trim(values[0], " \t")
	switch {
	case strings.HasPrefix(key, `"`):
		var ok bool
		if key, ok = quotedKey(key); !ok {
			return "", badKey("what begins with a quote is not one string as RFC 8941 writes it")
		}
	case strings.Contains(key, ","):
		return "", badKey("a comma outside of quotes stands between two keys")
	}
	if !validKey(key) {
		return "", badKey("it is not 1 to 255 bytes of UTF-8 without control characters")
	}
	return key, nil
}

// quotedKey reads a string of a structured field. Parameters behind it say nothing
// here, another member of a list is refused.
func quotedKey(s string) (key string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			rest := s[i+1:]
			return b.String(), rest == "" || rest[0] == ';' && !strings.Contains(rest, ",")
		case '\\':
			i++
			if i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", false // the quote is not closed
}

// tellKey states the key that a submission goes by, so that the value read again is
// the same key: in quotes where it must be.
func tellKey(h http.Header, key string) {
	if strings.HasPrefix(key, `"`) || strings.Contains(key, ",") || strings.Trim(key, " ") != key {
		key = api.QuoteKey(key)
	}
	h.Set(api.HeaderIdempotencyKey, key)
}

// badKey refuses an idempotency key.
func badKey(detail string) error { return fault.New(fault.HTTPBadKey, detail, nil) }

// validKey reports whether a key can go into a message and stay what it is.
func validKey(key string) bool {
	return key != "" && len(key) <= maxKey && utf8.ValidString(key) &&
		!strings.ContainsFunc(key, unicode.IsControl)
}

// chooseKey returns the key of a submission that may state one in a header and in
// another place. Fault: http.bad_key.
func chooseKey(h http.Header, other, place string) (string, error) {
	key, err := headerKey(h)
	switch {
	case err != nil:
		return "", err
	case key == "":
		return other, nil
	case other != "" && other != key:
		return "", badKey("the header " + api.HeaderIdempotencyKey + " and " + place +
			" hold different keys")
	}
	return key, nil
}

var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceOf returns the W3C trace context of a request, when it is well formed.
func traceOf(h http.Header) string {
	if v := h.Get(events.HeaderTraceparent); traceparent.MatchString(v) {
		return v
	}
	return ""
}
