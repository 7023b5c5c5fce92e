package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// Keys makes, lists and revokes API keys. [identity.Keys] provides it.
type Keys interface {
	Create(ctx context.Context, r api.KeyRequest, by identity.Principal, tenant string) (api.Key, identity.Token, error)
	List(tenant string) ([]api.Key, error)
	Revoke(ctx context.Context, tenant, id, by, reason string) (api.Key, error)
}

// keys returns who keeps the keys. Fault: http.not_ready.
func (x *exchange) keys() (Keys, error) {
	if x.g.Keys == nil || x.principal == nil {
		return nil, fault.New(fault.HTTPNotReady, "identity is off here: start the mill with --auth keys", nil)
	}
	return x.g.Keys, nil
}

// keysOf is whose keys the request is about: those of its tenant, or all of them
// when a principal of the whole mill names none.
func (x *exchange) keysOf() string {
	if x.principal.Tenant == identity.AnyTenant && x.asked == "" {
		return identity.AnyTenant
	}
	return x.tenant
}

// postKey makes a key, and shows it this one time.
func (g *Gateway) postKey(x *exchange) error {
	keys, err := x.keys()
	if err != nil {
		return err
	}
	data, err := x.readBody(maxCommand)
	if err != nil {
		return err
	}
	if x.mediaType() != events.ContentTypeJSON {
		return fault.New(fault.HTTPUnsupportedMediaType, "send application/json", nil)
	}
	if _, err := readFields(data); err != nil {
		return badRequest("the body is not a JSON object")
	}
	var r api.KeyRequest
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return badRequest("the body is no request for a key: " + err.Error())
	}
	if err := x.actsFor(r.Name + ": " + strings.Join(r.Scopes, " ")); err != nil {
		return err
	}
	key, token, err := keys.Create(x.r.Context(), r, *x.principal, x.tenant)
	if err != nil {
		return err
	}
	x.deed.Target = key.ID
	x.w.Header().Set("Location", "/v1/keys/"+key.ID)
	return x.json(http.StatusCreated, api.KeyMade{Key: key, Token: token.Reveal()})
}

func (g *Gateway) getKeys(x *exchange) error {
	keys, err := x.keys()
	if err != nil {
		return err
	}
	list, err := keys.List(x.keysOf())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, api.KeyList{Keys: list})
}

// deleteKey ends a key. The query says why.
func (g *Gateway) deleteKey(x *exchange) error {
	keys, err := x.keys()
	if err != nil {
		return err
	}
	reason, err := x.why()
	if err != nil {
		return err
	}
	if err := x.act(reason, ""); err != nil {
		return err
	}
	key, err := keys.Revoke(x.r.Context(), x.keysOf(), x.r.PathValue("id"), x.by(""), reason)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, key)
}

// getWhoami answers who the request is taken to be from, and what they may do.
func (g *Gateway) getWhoami(x *exchange) error {
	p := api.Principal{Identity: "off", By: x.by(""), Tenant: x.tenant, AnyTenant: true}
	scopes := identity.All()
	if x.principal != nil {
		p.Identity, p.ExpiresAt = "on", x.principal.Expires
		p.AnyTenant = x.principal.Tenant == identity.AnyTenant
		if !x.principal.Has(identity.Admin) {
			scopes = x.principal.Scopes
		}
	}
	for _, s := range scopes {
		p.Scopes = append(p.Scopes, string(s))
	}
	return x.json(http.StatusOK, p)
}
