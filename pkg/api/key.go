package api

import "strings"

// QuoteKey writes an idempotency key as the header Idempotency-Key has it: as a string
// of RFC 8941. Keys with other characters than printable ASCII are no such strings;
// they are written alike, and a gateway reads them.
func QuoteKey(key string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(key) + `"`
}
