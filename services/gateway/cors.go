package gateway

import (
	"net/http"
	"slices"
)

// What pages of trusted origins may do with resumable uploads.
const (
	uploadMethods = "POST, HEAD, PATCH, DELETE, OPTIONS"
	uploadHeaders = "Authorization, Content-Type, Idempotency-Key, Millrace-Tenant, Tus-Resumable, Upload-Checksum, " +
		"Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, X-Request-Id, X-Requested-With"
	uploadExposed = "Location, Millrace-Artifact, Millrace-Job, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, " +
		"Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Defer-Length, Upload-Expires, Upload-Length, " +
		"Upload-Metadata, Upload-Offset, X-Request-Id"
)

// allowOrigin lets a page of a trusted origin read the answer, and tells its browser
// what it may ask for. Other pages are told nothing, which is a no. Cookies are not
// let through.
func (x *exchange) allowOrigin(methods, headers, exposed string) {
	h := x.w.Header()
	h.Add("Vary", "Origin")
	origin := x.r.Header.Get("Origin")
	if origin == "" || !slices.Contains(x.g.TrustedOrigins, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if x.r.Method != http.MethodOptions {
		h.Set("Access-Control-Expose-Headers", exposed)
		return
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Max-Age", "600")
}
