package bus

import (
	"strings"

	"github.com/nats-io/nats.go"
)

// setHeaders copies headers in a form that the broker takes. A key of which
// nothing is left is dropped.
func setHeaders(h nats.Header, from map[string]string) {
	for k, v := range from {
		if k = cleanKey(k); k != "" {
			h[k] = []string{oneLine(v)}
		}
	}
}

// cleanKey replaces everything in a header's name that is not a visible ASCII
// character, and the colon, by a dash.
func cleanKey(k string) string {
	if strings.IndexFunc(k, notInKey) < 0 {
		return k
	}
	return strings.Trim(strings.Map(func(r rune) rune {
		if notInKey(r) {
			return '-'
		}
		return r
	}, k), "-")
}

func notInKey(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }

// oneLine keeps a value from ending its header and beginning another.
func oneLine(v string) string {
	if !strings.ContainsAny(v, "\r\n\x00") {
		return v
	}
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, v)
}
