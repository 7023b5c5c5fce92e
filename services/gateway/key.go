package gateway

import (
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// maxKey is the longest idempotency key in bytes.
const maxKey = 255

// headerKey reads the Idempotency-Key header: a string in quotes, as the draft
// wants, or as it is, as many send it.
func headerKey(h http.Header) (string, error) {
	values := h.Values(api.HeaderIdempotencyKey)
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", badRequest(api.HeaderIdempotencyKey + " is there more than one time")
	}
	key := strings.TrimSpace(values[0])
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = unquoted(key[1 : len(key)-1])
	}
	if !validKey(key) {
		return "", badRequest(api.HeaderIdempotencyKey +
			" is not 1 to 255 bytes of UTF-8 without control characters")
	}
	return key, nil
}

// validKey reports whether a key can go into a message and stay what it is.
func validKey(key string) bool {
	return key != "" && len(key) <= maxKey && utf8.ValidString(key) &&
		!strings.ContainsFunc(key, unicode.IsControl)
}

// unquoted replaces \" and \\, the only escapes of a structured field.
func unquoted(s string) string {
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s)
}

// chooseKey returns the key of a submission that may state one in a header and in
// another place.
func chooseKey(h http.Header, other, place string) (string, error) {
	key, err := headerKey(h)
	switch {
	case err != nil:
		return "", err
	case key == "":
		return other, nil
	case other != "" && other != key:
		return "", badRequest("the header " + api.HeaderIdempotencyKey + " and " + place +
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
