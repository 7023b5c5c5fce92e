package gateway_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// makeKey asks for a key.
func makeKey(t *testing.T, g *guarded, token, body string, headers ...string) answer {
	t.Helper()
	return ask(t, "POST", g.URL+"/v1/keys", strings.NewReader(body),
		append([]string{"Content-Type", "application/json", "Authorization", "Bearer " + token}, headers...)...)
}

// TestTheLifeOfAKey makes a key, uses it, and revokes it under a stream of events.
func TestTheLifeOfAKey(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	var made api.KeyMade
	a := makeKey(t, g, "a-admin", `{"name":"robot","scopes":["read","submit"]}`)
	a.into(t, 201, &made)
	same(t, "tenant", made.Key.Tenant, "a")
	same(t, "made by", made.Key.CreatedBy, "key:a-admin")
	if !strings.HasPrefix(made.Token, "mr_"+made.Key.ID+"_") || strings.Contains(string(a.body), "hash") {
		t.Errorf("%s", a.body)
	}
	bearer := []string{"Authorization", "Bearer " + made.Token}
	var who api.Principal
	ask(t, "GET", g.URL+"/v1/whoami", nil, bearer...).into(t, 200, &who)
	same(t, "who", who, api.Principal{
		Identity: "on", By: "key:" + made.Key.ID + "/robot", Tenant: "a", Scopes: []string{"read", "submit"},
	})
	ask(t, "GET", g.URL+"/v1/keys", nil, bearer...).problem(t, 403, "auth.scope")
	ask(t, "GET", g.URL+"/v1/jobs/"+g.names["job"], nil, bearer...).into(t, 200, &api.Job{})

	list := ask(t, "GET", g.URL+"/v1/keys", nil, "Authorization", "Bearer a-admin")
	var keys api.KeyList
	list.into(t, 200, &keys)
	secret := strings.TrimPrefix(made.Token, "mr_"+made.Key.ID+"_")
	if len(keys.Keys) != 2 || strings.Contains(string(list.body), secret) || strings.Contains(string(list.body), "hash") {
		t.Errorf("%s", list.body)
	}

	var revoked api.Key
	ask(t, "DELETE", g.URL+"/v1/keys/"+made.Key.ID+"?reason=lost", nil, "Authorization", "Bearer a-admin").into(t, 200, &revoked)
	if revoked.RevokedBy != "key:a-admin" || revoked.Reason != "lost" || revoked.RevokedAt.IsZero() {
		t.Errorf("%+v", revoked)
	}
	a = ask(t, "GET", g.URL+"/v1/jobs", nil, bearer...)
	if a.problem(t, 401, "auth.invalid"); strings.Contains(string(a.body), secret) || strings.Contains(string(a.body), made.Key.ID) {
		t.Errorf("%s", a.body)
	}
}

// TestARevokedKeyEndsItsStreams follows a job until the key is revoked.
func TestARevokedKeyEndsItsStreams(t *testing.T) {
	t.Parallel()
	auth := &door{tokens: principals()}
	w := gatewaytest.New(t, gateway.Config{Auth: auth, Limits: gateway.Limits{Heartbeat: 30 * time.Millisecond}})
	if _, _, err := w.Pipelines.Apply(t.Context(), "a", []byte(gatewaytest.Pipeline)); err != nil {
		t.Fatal(err)
	}
	r := submit(t, w, oneFile, "Authorization", "Bearer a-submit")
	got := later(t, "GET", w.URL+"/v1/jobs/"+r.Job+"/events", nil, "Authorization", "Bearer ghost", "Accept", "text/event-stream")
	if a := arrived(t, got); a.StatusCode != 401 {
		t.Errorf("%d", a.StatusCode)
	}
	// The token is let in, and the key behind it is not among the good ones.
	auth.tokens["gone"] = principals()["a-read"]
	p := auth.tokens["gone"]
	p.ID = "withdrawn"
	auth.tokens["gone"], auth.Keys = p, noKeys(t, w)
	a := arrived(t, later(t, "GET", w.URL+"/v1/jobs/"+r.Job+"/events", nil, "Authorization", "Bearer gone", "Accept", "text/event-stream"))
	if !strings.Contains(string(a.body), "job.accepted") || strings.Contains(string(a.body), "event: end") {
		t.Errorf("%s", a.body)
	}
}

// TestNobodyMakesMoreThanTheyAre asks for keys that may do more than the asker.
func TestNobodyMakesMoreThanTheyAre(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	for _, body := range []string{
		`{"name":"x","scopes":["read"],"tenant":"b"}`, `{"name":"x","scopes":["admin"],"tenant":"*"}`,
	} {
		makeKey(t, g, "a-admin", body).problem(t, 403, "key.too_wide")
	}
	for _, body := range []string{
		`{"scopes":["read"]}`, `{"name":"x"}`, `{"name":"x","scopes":["root"]}`, `{"name":"A b","scopes":["read"]}`,
		`{"name":"x","scopes":["read"],"tenant":"A"}`, `{"name":"x","scopes":["read"],"expires_at":"2020-01-01T00:00:00Z"}`,
	} {
		makeKey(t, g, "mill", body).problem(t, 422, "key.invalid")
	}
	for _, body := range []string{"", "[]", `{"name":"x","scopes":["read"],"more":1}`, `{"name":1}`} {
		makeKey(t, g, "mill", body).problem(t, 400, "http.bad_request")
	}
	var made api.KeyMade
	makeKey(t, g, "mill", `{"name":"x","scopes":["admin"],"tenant":"*"}`).into(t, 201, &made)
	same(t, "tenant", made.Key.Tenant, "*")
	makeKey(t, g, "mill", `{"name":"x","scopes":["read"]}`, api.HeaderTenant, "c").into(t, 201, &made)
	same(t, "tenant", made.Key.Tenant, "c")
	// A tenant sees its own keys, the mill all of them or one tenant's.
	for _, c := range []struct {
		headers []string
		keys    int
	}{
		{[]string{"Authorization", "Bearer a-admin"}, 1},
		{[]string{"Authorization", "Bearer mill"}, 3},
		{[]string{"Authorization", "Bearer mill", api.HeaderTenant, "c"}, 1},
	} {
		var keys api.KeyList
		ask(t, "GET", g.URL+"/v1/keys", nil, c.headers...).into(t, 200, &keys)
		same(t, fmt.Sprint(c.headers), len(keys.Keys), c.keys)
	}
}

// TestWrongKeysAreLimited sends many, and a good one among them.
func TestWrongKeysAreLimited(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	limited := 0
	for range 40 {
		a := ask(t, "GET", g.URL+"/v1/jobs", nil, "Authorization", "Bearer mr_abc_def")
		if a.StatusCode == http.StatusTooManyRequests {
			a.problem(t, 429, "auth.too_many_failures")
			if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 {
				t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
			}
			limited++
		}
	}
	if limited == 0 || limited > 20 {
		t.Errorf("%d of 40 are limited", limited)
	}
	same(t, "a good key", ask(t, "GET", g.URL+"/v1/jobs", nil, "Authorization", "Bearer b").StatusCode, 200)
}

func TestKeysWithoutIdentity(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	ask(t, "GET", w.URL+"/v1/keys", nil).problem(t, 503, "http.not_ready")
	var who api.Principal
	ask(t, "GET", w.URL+"/v1/whoami", nil).into(t, 200, &who)
	same(t, "who", []any{who.Identity, who.By, who.Tenant, len(who.Scopes)}, []any{"off", "http", events.DefaultTenant, 6})
}
