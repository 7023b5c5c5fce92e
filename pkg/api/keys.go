package api

import "time"

// Key is an API key as everybody may see it who may list keys. The secret is in no
// store: only its holder has it.
type Key struct {
	// ID is the part of the key that is no secret.
	ID string `json:"id"`
	// Name is for people, 1 to 64 of a-z, 0-9, _ and -.
	Name string `json:"name"`
	// Tenant is whose work the key may see. "*" means every tenant's.
	Tenant string `json:"tenant"`
	// Scopes are what the key may do: read, submit, control, rollback, decide, admin.
	Scopes    []string  `json:"scopes"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	// ExpiresAt is when the key ends by itself. Absent means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// RevokedAt is when somebody ended it, RevokedBy who and Reason why.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	RevokedBy string    `json:"revoked_by,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	// UsedAt is the hour in which the key was used last. Absent means never.
	UsedAt time.Time `json:"used_at,omitzero"`
}

// KeyRequest is the body of POST /v1/keys.
type KeyRequest struct {
	Name string `json:"name"`
	// Tenant is whose work the key may see. Empty means the tenant of the request,
	// "*" every tenant's.
	Tenant string   `json:"tenant,omitempty"`
	Scopes []string `json:"scopes"`
	// ExpiresAt is when the key ends. Absent means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// KeyMade is the answer of POST /v1/keys.
type KeyMade struct {
	Key Key `json:"key"`
	// Token is the whole key. It is shown here and never again.
	Token string `json:"token"`
}

// KeyList is the answer of GET /v1/keys: keys that were made first come first, also
// those that have ended in the last 90 days.
type KeyList struct {
	Keys []Key `json:"keys"`
}

// Principal is the answer of GET /v1/whoami.
type Principal struct {
	// Identity is "off" when nobody has to say who they are, else "on".
	Identity string `json:"identity"`
	// By is how the audit names whoever asks.
	By string `json:"by"`
	// Tenant is whose work the request is about, and AnyTenant true when another may
	// be named with the Millrace-Tenant header.
	Tenant    string `json:"tenant"`
	AnyTenant bool   `json:"any_tenant,omitempty"`
	// Scopes are what whoever asks may do.
	Scopes []string `json:"scopes"`
	// ExpiresAt is when the credentials end. Absent means that they do not, or that
	// nobody knows.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}
