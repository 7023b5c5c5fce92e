package openapi

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Deprecation says that a route will go.
type Deprecation struct {
	// Since is from when on nobody should begin to use it. It must be said.
	Since time.Time
	// Sunset is when it may be gone. Zero means that this is not known yet.
	Sunset time.Time
	// Successor is the path of what to use instead. Empty means that there is nothing.
	Successor string
}

// Notice is how long a route works at least after it was said that it will go.
const Notice = 180 * 24 * time.Hour

// Check reports what a deprecation may not say: no day on which it began, or a sunset
// that leaves less than [Notice].
func (d Deprecation) Check() error {
	switch {
	case d.Since.IsZero():
		return fmt.Errorf("it does not say since when")
	case !d.Sunset.IsZero() && d.Sunset.Sub(d.Since) < Notice:
		return fmt.Errorf("its sunset comes %s after it was deprecated, less than %s", d.Sunset.Sub(d.Since), Notice)
	}
	return nil
}

// announce sets Deprecation (RFC 9745), Sunset (RFC 8594) and a link to the successor.
func (d *Deprecation) announce(h http.Header) {
	if d == nil {
		return
	}
	h.Set("Deprecation", "@"+strconv.FormatInt(d.Since.Unix(), 10))
	if !d.Sunset.IsZero() {
		h.Set("Sunset", d.Sunset.UTC().Format(http.TimeFormat))
	}
	if d.Successor != "" {
		h.Add("Link", "<"+d.Successor+`>; rel="successor-version"`)
	}
}

// description is what the document says of it.
func (d *Deprecation) description() string {
	text := "Do not begin to use it: deprecated since " + d.Since.UTC().Format(time.DateOnly)
	if !d.Sunset.IsZero() {
		text += ", gone after " + d.Sunset.UTC().Format(time.DateOnly)
	}
	if d.Successor != "" {
		text += "; use " + d.Successor
	}
	return text + "."
}
