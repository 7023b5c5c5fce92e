package webhook

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// Limits of an endpoint, in bytes.
const (
	maxURL         = 2048
	maxDescription = 256
)

// Endpoint is an address that events are sent to, as it is stored.
type Endpoint struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	Settings
	Scheme Scheme `json:"scheme"`
	// Secrets sign every event, but for those that have expired. The last one is
	// the newest.
	Secrets []Secret `json:"secrets"`
	// Enabled is false when nothing is sent. Reason says why.
	Enabled bool   `json:"enabled"`
	Reason  string `json:"reason,omitempty"`
	// Since is the record after which sending begins: what was there before the
	// endpoint is not sent, but for a replay.
	Since uint64 `json:"since"`
	// Replays are those that have not ended.
	Replays   []api.Replay `json:"replays,omitempty"`
	CreatedAt time.Time    `json:"created_at"`
	ChangedAt time.Time    `json:"changed_at"`
}

// Settings are what a tenant says of an endpoint.
type Settings struct {
	// URL is where events are posted: http or https.
	URL string `json:"url"`
	Filter
	Description string `json:"description,omitempty"`
}

// Secret is a key of an endpoint, sealed.
type Secret struct {
	ID     string `json:"id"`
	Sealed []byte `json:"sealed"`
	// Public is the public key of a pair.
	Public    string    `json:"public,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when it signs no more. Zero means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Valid reports whether the secret signs at a time.
func (s *Secret) Valid(now time.Time) bool { return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) }

// Keys opens the keys that sign at a time, the newest first. Fault:
// webhook.secret_unreadable.
func (e *Endpoint) Keys(v Vault, now time.Time) ([]Key, error) {
	var keys []Key
	for i := len(e.Secrets) - 1; i >= 0; i-- {
		if !e.Secrets[i].Valid(now) {
			continue
		}
		k, err := v.Open(e.Tenant, e.ID, e.Secrets[i].Sealed)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Host is the host and port of the address, as a dependency of the mill is named.
func (e *Endpoint) Host() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// Check lists everything that is wrong with settings. allow is asked about an address
// that is given by number; names are for whoever dials them. Each complaint has the code
// webhook.invalid.
func (s *Settings) Check(allow func(netip.Addr) bool) []events.ProblemError {
	list := s.Filter.Check()
	if detail := checkURL(s.URL, allow); detail != "" {
		list = append(list, complaint("/url", detail))
	}
	if len(s.Description) > maxDescription || !utf8.ValidString(s.Description) {
		list = append(list, complaint("/description", fmt.Sprintf("it is not a text of at most %d bytes", maxDescription)))
	}
	return list
}

func checkURL(text string, allow func(netip.Addr) bool) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "it is missing"
	case len(text) > maxURL || err != nil:
		return "it is not an address of at most 2048 bytes"
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "it does not begin with http:// or https:// and a host"
	case u.User != nil:
		return "it holds a user or a password; events are signed instead"
	case u.Fragment != "":
		return "it has a fragment, which is never sent"
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !allow(a) {
		return "it is a private address"
	}
	if host := strings.ToLower(u.Hostname()); host == "localhost" && !allow(netip.IPv6Loopback()) {
		return "it is a private address"
	}
	return ""
}
