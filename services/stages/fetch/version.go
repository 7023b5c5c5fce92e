package fetch

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// version is what an answer says of the version of a file that it has, and where
// that was: a tag says nothing of what is elsewhere.
type version struct {
	// ETag is a strong one. Modified is the date of the last change, as it was
	// sent, where there is no tag of any kind. One of the two is set.
	ETag     string `json:"e,omitempty"`
	Modified string `json:"m,omitempty"`
	// At and Query tell addresses apart without saying them.
	At    string `json:"a"`
	Query string `json:"q"`
}

// versionOf returns the version of the file that is at u and has the header h, or
// nil when what it says would not tell it from another one.
//
// A weak tag does not promise the same bytes, and forbids the date, too (RFC 9110,
// 13.1.5). A date within the second of the answer does not tell of a change that
// comes after that (8.8.2.2). What was encoded on the way may be so in another way
// the next time.
func versionOf(u *url.URL, h http.Header) *version {
	if encoded(h) || strings.EqualFold(h.Get("Accept-Ranges"), "none") {
		return nil
	}
	at, query := whereabouts(u)
	v := &version{At: at, Query: query}
	if tags := h.Values("ETag"); len(tags) > 0 {
		v.ETag = tags[0]
		if len(tags) > 1 || !strong(v.ETag) || jsonSize(v.ETag) > roomForTag {
			return nil
		}
		return v
	}
	v.Modified = h.Get("Last-Modified")
	modified, err := http.ParseTime(v.Modified)
	if err != nil || len(v.Modified) > 64 {
		return nil
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil || sent.Sub(modified) < time.Second {
		return nil
	}
	return v
}

// repeatedBy reports whether h says that it is of the same version. Saying
// nothing is not enough: there are servers that do not look at If-Range.
func (v *version) repeatedBy(h http.Header) bool {
	tags := h.Values("ETag")
	if v.ETag != "" {
		return len(tags) == 1 && tags[0] == v.ETag
	}
	return len(tags) == 0 && h.Get("Last-Modified") == v.Modified
}

// isAt reports whether the file may be at u. Only a tag may be trusted when the
// query is another, which a signature may make it.
func (v *version) isAt(u *url.URL) bool {
	at, query := whereabouts(u)
	return at == v.At && (v.ETag != "" || query == v.Query)
}

// condition is the value of If-Range.
func (v *version) condition() string {
	if v.ETag != "" {
		return v.ETag
	}
	return v.Modified
}

// whereabouts are short digests of where u leads.
func whereabouts(u *url.URL) (at, query string) {
	return short(u.Scheme + "://" + u.Host + u.EscapedPath()), short(u.RawQuery)
}

func short(s string) string {
	d := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(d[:12])
}

// strong reports whether tag is a strong entity tag of printable ASCII.
func strong(tag string) bool {
	if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return false
	}
	for _, c := range []byte(tag[1 : len(tag)-1]) {
		if c < 0x21 || c > 0x7e || c == '"' {
			return false
		}
	}
	return true
}

// encoded reports whether something was done to the file for the transfer.
func encoded(h http.Header) bool {
	for _, v := range h.Values("Content-Encoding") {
		if v != "" && !strings.EqualFold(v, "identity") {
			return true
		}
	}
	return false
}
