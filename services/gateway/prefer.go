package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// preferredWait reads "Prefer: wait=30" (RFC 7240) and returns at most the longest
// wait that is granted. Preferences that are unknown or malformed are ignored, as
// that RFC wants.
func preferredWait(h http.Header, longest time.Duration) time.Duration {
	for _, line := range h.Values("Prefer") {
		for p := range strings.SplitSeq(line, ",") {
			p, _, _ = strings.Cut(p, ";")
			name, value, _ := strings.Cut(p, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err != nil {
				return 0
			}
			return min(time.Duration(seconds)*time.Second, longest)
		}
	}
	return 0
}

// applied tells the client which wait was granted.
func (x *exchange) applied(wait time.Duration) {
	x.w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
}
