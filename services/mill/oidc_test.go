package mill_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// guardedMill is a mill with stages that takes keys and the tokens of an issuer.
type guardedMill struct {
	*mill.Mill
	*issuer
	t *testing.T
}

func newGuardedMill(t *testing.T) *guardedMill {
	t.Helper()
	i := newIssuer(t)
	m := startGuarded(t, mill.Config{
		DataDir: t.TempDir(), HTTPAddr: "127.0.0.1:0", Auth: mill.AuthKeys, OIDC: i.config(), Roles: []string{mill.RoleAll},
	})
	return &guardedMill{m, i, t}
}

// as is a client with a token.
func (g *guardedMill) as(token string) *client.Client {
	g.t.Helper()
	c, err := client.New(client.Config{Server: g.HTTPURL(), Token: token})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	return c
}

// ask asks one time, and returns the code of the refusal, or nothing.
func (g *guardedMill) ask(method, path, token string) string {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.HTTPURL()+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode < 300 {
		return ""
	}
	var p events.Problem
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
		g.t.Fatalf("%s: %v", answer.Status, err)
	}
	if p.Status != answer.StatusCode {
		g.t.Errorf("status %d, problem %+v", answer.StatusCode, p)
	}
	return p.Code
}

// want asks who a token stands for.
func (g *guardedMill) want(what, token, code string) {
	g.t.Helper()
	if got := g.ask("GET", "/v1/whoami", token); got != code {
		g.t.Errorf("%s: %q, want %q", what, got, code)
	}
}

// TestTokensOfAnIssuer runs a mill whose issuer is away at first, lets people in by its
// tokens, each to what they may do, and lets it rotate its keys and go away again.
func TestTokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	g := newGuardedMill(t)
	first := g.rotate("first")
	ann := g.token(first, nil)

	g.want("the issuer is away at the start", ann, "auth.unavailable")
	data, err := os.ReadFile(g.FirstKey())
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(data))
	g.want("a key meanwhile", key, "")
	g.setAway(false)
	g.later(2 * time.Second) // it is asked once a second at most
	g.want("the issuer has come", ann, "")

	g.works(first, key)
	g.refuses(first)

	second := g.rotate("second")
	bea := g.token(second, map[string]any{"sub": "bea"})
	g.later(time.Minute) // tokens have it asked twice a minute at most
	g.want("signed by the new key", bea, "")
	g.want("signed by the old one", ann, "auth.invalid")

	g.setAway(true)
	g.later(time.Minute)
	g.want("the issuer is away", bea, "")
	long := g.token(second, map[string]any{"exp": g.clock().Add(48 * time.Hour).Unix()})
	g.later(23 * time.Hour)
	g.want("for almost a day", long, "")
	g.later(time.Hour)
	g.want("for more than a day", long, "auth.unavailable")
	g.want("a key meanwhile", key, "")
	g.setAway(false)
	g.later(time.Minute)
	g.want("the issuer is back", long, "")
}

// works does by tokens what they are for: one may set up, one submit, one only look, and
// none sees what is another tenant's.
func (g *guardedMill) works(s jose.Signer, key string) {
	g.t.Helper()
	ctx := g.t.Context()
	of := func(sub, tenant string, scope any) string {
		return g.token(s, map[string]any{"sub": sub, "tenant": tenant, "scope": scope})
	}
	owner := of("olga", "owners", []string{"millrace:admin"})
	operator, reader := of("otto", "acme-corp", "openid mill-ops"), of("rea", "acme-corp", "millrace:read")
	stranger := of("stan", "other-corp", []string{"millrace:admin"})
	src := "apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata: { name: one }\nspec: { steps: [ { id: one, uses: hash@1 } ] }\n"
	admin, err := client.New(client.Config{Server: g.HTTPURL(), Token: owner, Tenant: "acme"})
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	if _, err := admin.ApplyPipeline(client.WithReason(ctx, "to begin"), "", []byte(src)); err != nil {
		g.t.Fatal(err)
	}
	submission := events.Submission{Key: "k", Files: []events.Source{{Inline: []byte("x"), Name: "x"}}}
	if _, err := g.as(reader).Submit(ctx, "one", submission); !fault.Has(err, fault.AuthScope) {
		g.t.Errorf("who may read submits: %v", err)
	}
	got, err := g.as(operator).Submit(ctx, "one", submission)
	if err != nil {
		g.t.Fatal(err)
	}
	job, err := g.as(reader).Wait(ctx, got.Job)
	if err != nil || job.Job.State != events.JobCompleted || job.Job.Tenant != "acme" {
		g.t.Fatalf("%+v, %v", job, err)
	}
	for rec, err := range g.as(reader).Records(ctx, got.Job) {
		if err != nil || rec.Input.Submit == nil || rec.Input.Submit.By != "oidc:otto" {
			g.t.Errorf("submitted by %+v, %v", rec.Input.Submit, err)
		}
		break
	}
	if code := g.ask("POST", "/v1/jobs/"+got.Job+"/rollback", operator); code != "auth.scope" {
		g.t.Errorf("an operator rolls back: %q", code)
	}
	if code := g.ask("GET", "/v1/jobs/"+got.Job, stranger); code != "job.not_found" {
		g.t.Errorf("another tenant reads the job: %q", code)
	}
	if code := g.ask("POST", "/v1/view/rebuild", stranger); code != "auth.mill" {
		g.t.Errorf("a tenant's admin rebuilds the view: %q", code)
	}
	page, err := g.as(key).Audit(ctx, api.AuditQuery{By: "oidc:olga"})
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Reason != "to begin" || page.Entries[0].Tenant != "acme" {
		g.t.Errorf("the audit: %+v, %v", page, err)
	}
}

// refuses shows the mill tokens that are not good.
func (g *guardedMill) refuses(s jose.Signer) {
	g.t.Helper()
	_, forger := newKey(g.t, "first") // the name of the issuer's key, and not the key
	good := g.token(s, nil)
	parts := strings.Split(good, ".")
	plain := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for what, c := range map[string]struct{ token, code string }{
		"expired":              {g.token(s, map[string]any{"exp": g.clock().Add(-time.Minute).Unix()}), "auth.expired"},
		"not yet":              {g.token(s, map[string]any{"nbf": g.clock().Add(time.Hour).Unix()}), "auth.invalid"},
		"for another":          {g.token(s, map[string]any{"aud": "shop"}), "auth.invalid"},
		"for another as well":  {g.token(s, map[string]any{"aud": []string{"shop", "mill"}}), ""},
		"of another issuer":    {g.token(s, map[string]any{"iss": "https://id.example.com"}), "auth.invalid"},
		"of nobody":            {g.token(s, map[string]any{"sub": ""}), "auth.invalid"},
		"of no tenant":         {g.token(s, map[string]any{"tenant": nil}), "auth.tenant"},
		"of an unknown tenant": {g.token(s, map[string]any{"tenant": "acme"}), "auth.tenant"},
		"of two tenants":       {g.token(s, map[string]any{"tenant": []string{"acme-corp", "other-corp"}}), "auth.tenant"},
		"forged":               {g.token(forger, nil), "auth.invalid"},
		"unsigned":             {plain + "." + parts[1] + ".", "auth.invalid"},
		"with another's claims": {
			parts[0] + "." + strings.Split(g.token(s, map[string]any{"sub": "eve"}), ".")[1] + "." + parts[2], "auth.invalid",
		},
		"good": {good, ""},
	} {
		g.want(what, c.token, c.code)
	}
	// What one may not do at all is no reason to let nobody in.
	none := g.token(s, map[string]any{"scope": "openid root millrace:root"})
	g.want("without a scope", none, "")
	if code := g.ask("GET", "/v1/jobs", none); code != "auth.scope" {
		g.t.Errorf("without a scope: %q", code)
	}
}
