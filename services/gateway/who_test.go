package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestTheAuditNamesThePrincipal cancels a job and looks who it was.
func TestTheAuditNamesThePrincipal(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	u := g.URL + "/v1/jobs/" + g.names["job"]
	ask(t, "POST", u+"/cancel", strings.NewReader(`{"reason":"wrong file"}`), "Content-Type", "application/json",
		"Authorization", "Bearer mill", api.HeaderTenant, "a").into(t, 202, &api.Job{})
	var records []events.Record
	ask(t, "GET", u+"/events", nil, "Authorization", "Bearer a-read").into(t, 200, &records)
	c := records[len(records)-1].Input.Control
	if c == nil || c.By != "key:mill/op" || c.Reason != "wrong file" {
		t.Errorf("%+v", c)
	}
}

// TestTheAuditNamesWhoSubmits looks at the first record of a job, and at a pipeline.
func TestTheAuditNamesWhoSubmits(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	a := []string{"Authorization", "Bearer a-submit"}
	name := base64.StdEncoding.EncodeToString([]byte("f"))
	begun := tus(t, g.World, "POST", uploads, strings.NewReader("tus"), append(a, "Upload-Length", "3", "Content-Type", "application/offset+octet-stream",
		"Upload-Metadata", "filename "+name+",pipeline "+base64.StdEncoding.EncodeToString([]byte("keep")))...)
	jobs := []string{g.names["job"], begun.Header.Get("Millrace-Job")}
	for _, job := range jobs {
		var records []events.Record
		ask(t, "GET", g.URL+"/v1/jobs/"+job+"/events", nil, "Authorization", "Bearer a-read").into(t, 200, &records)
		same(t, "job "+job, records[0].Input.Submit.By, "key:a-submit")
	}
	// What came in by a resumable upload is the tenant's.
	sum := sha256.Sum256([]byte("tus"))
	file := g.URL + "/v1/artifacts/sha256:" + hex.EncodeToString(sum[:])
	same(t, "own", ask(t, "GET", file, nil, "Authorization", "Bearer a-read").StatusCode, 200)
	same(t, "another's", ask(t, "GET", file, nil, "Authorization", "Bearer b").StatusCode, 404)

	src := strings.ReplaceAll(gatewaytest.Pipeline, "name: keep", "name: fresh")
	ask(t, "PUT", g.URL+"/v1/pipelines/fresh", strings.NewReader(src), "Authorization", "Bearer a-admin").into(t, 201, &api.Applied{})
	var versions api.PipelineVersions
	ask(t, "GET", g.URL+"/v1/pipelines/fresh/versions", nil, "Authorization", "Bearer a-read").into(t, 200, &versions)
	same(t, "applied by", versions.Versions[0].AppliedBy, "key:a-admin")
}

// TestNobodySaysWhoTheyAre sets a rule in the name of another.
func TestNobodySaysWhoTheyAre(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	body := `{"match":{"code":"x.y"},"then":{"class":"timeout"},"reason":"why","by":"ann"}`
	var set api.RuleSet
	ask(t, "PUT", g.URL+"/v1/rules/r", strings.NewReader(body), "Content-Type", "application/json",
		"Authorization", "Bearer mill").into(t, 201, &set)
	same(t, "set by", set.Rule.By, "key:mill/op")
	var change events.RuleChange
	ask(t, "DELETE", g.URL+"/v1/rules/r?reason=x&by=ann", nil, "Authorization", "Bearer mill").into(t, 200, &change)
	same(t, "removed by", change.By, "key:mill/op")
}

// TestScopesBeyondTheRoute asks what needs more than its route does.
func TestScopesBeyondTheRoute(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	json := []string{"Content-Type", "application/json", "Authorization", "Bearer a-control"}
	body := `{"verb":"rollback","reason":"why","filter":{"state":["completed"]}}`
	a := ask(t, "POST", g.URL+"/v1/operations", strings.NewReader(body), json...)
	if p := a.problem(t, 403, "auth.scope"); !strings.Contains(p.Detail, "rollback") {
		t.Errorf("detail %q", p.Detail)
	}
	if h := a.Header.Get("WWW-Authenticate"); !strings.Contains(h, `scope="rollback"`) {
		t.Errorf("header %q", h)
	}
	a = ask(t, "POST", g.URL+"/v1/jobs/"+g.names["job"]+"/retry", strings.NewReader(`{"effect":"done"}`), json...)
	a.problem(t, 403, "auth.scope")
}

func TestMalformedCredentials(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	for _, h := range []string{"Basic YTpi", "Bearer", "Bearer ", "b"} {
		a := ask(t, "GET", g.URL+"/v1/jobs", nil, "Authorization", h)
		if p := a.problem(t, 401, "auth.invalid"); strings.Contains(string(a.body), "YTpi") {
			t.Errorf("%+v", p)
		}
	}
	ask(t, "GET", g.URL+"/v1/jobs", nil, "Authorization", "Bearer b", "Authorization", "Bearer b").
		problem(t, 401, "auth.invalid")
	// Neither a path that is not there nor a method tells of anything.
	ask(t, "GET", g.URL+"/nowhere", nil).problem(t, 404, "http.not_found")
	ask(t, "PATCH", g.URL+"/v1/jobs", nil).problem(t, 405, "http.method_not_allowed")
	same(t, "options", ask(t, "OPTIONS", g.URL+"/v1/jobs", nil).StatusCode, 204)
}

// TestLocalNeedsNoKey is millrace dev: whoever is on the machine owns the mill.
func TestLocalNeedsNoKey(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Auth: principals(), TrustLocal: true, Jobs: jobsOf{}})
	var page api.JobPage
	ask(t, "GET", w.URL+"/v1/jobs", nil, api.HeaderTenant, "c").into(t, 200, &page)
	same(t, "tenant", page.Jobs[0].ID, "job-of-c")
	ask(t, "GET", w.URL+"/v1/jobs", nil, "Authorization", "Bearer nobody").problem(t, 401, "auth.invalid")
	ask(t, "POST", w.URL+"/v1/jobs", nil, "Authorization", "Bearer a-read").problem(t, 403, "auth.scope")

	// A listener that others reach trusts nobody for where they are.
	g, err := gateway.New(gateway.Config{
		Bus: w.Conn, Store: w.Store, Pipelines: w.Pipelines, Auth: principals(), TrustLocal: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, l) }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ask(t, "GET", "http://127.0.0.1:"+port+"/v1/jobs", nil).problem(t, 401, "auth.required")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
