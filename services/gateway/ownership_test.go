package gateway_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// on is a submission on a file that the store is to have.
func on(digest string) string {
	return `{"pipeline":"keep","files":[{"name":"f","digest":"` + digest + `"}]}`
}

// TestADigestAuthorisesNothing lets one tenant ask in every way for what another has.
func TestADigestAuthorisesNothing(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	if _, _, err := g.Pipelines.Apply(t.Context(), "b", []byte(gatewaytest.Pipeline)); err != nil {
		t.Fatal(err)
	}
	// What a job of tenant a has worked on, by a file that it has put.
	b := []string{"Authorization", "Bearer b"}
	a := []string{"Authorization", "Bearer a-read"}
	json := func(h []string, more ...string) []string {
		return append(append([]string{"Content-Type", "application/json"}, h...), more...)
	}
	mine := g.names["digest"]
	r := submit(t, g.World, on(mine), "Authorization", "Bearer a-submit")
	theirs := submit(t, g.World, oneFile, b...)
	file := g.URL + "/v1/artifacts/" + mine
	for _, query := range []string{"", "?job=", "?job=" + r.Job, "?job=" + theirs.Job, "?job=*", "?job=%3E", "?job=../x"} {
		for _, method := range []string{"GET", "HEAD"} {
			got := ask(t, method, file+query, nil, b...)
			same(t, method+query, got.StatusCode, 404)
			if got.Header.Get("ETag")+got.Header.Get("Repr-Digest") != "" {
				t.Errorf("%s%s: %v", method, query, got.Header)
			}
		}
		ask(t, "GET", file+query, nil, append([]string{"If-None-Match", "*"}, b...)...).problem(t, 404, "artifact.not_found")
		ask(t, "GET", file+query, nil, append([]string{"Range", "bytes=99-"}, b...)...).problem(t, 404, "artifact.not_found")
		same(t, "own"+query, ask(t, "GET", file+query, nil, a...).StatusCode, 200)
	}
	for _, from := range []string{r.Job, theirs.Job, "x"} {
		ask(t, "POST", g.URL+"/v1/jobs", strings.NewReader(on(mine)), json(b, api.HeaderFromJob, from)...).
			problem(t, 422, "submit.unknown_artifact")
	}

	// Whoever has the content has it: the store is shared, the grant is not.
	var f events.File
	ask(t, "POST", g.URL+"/v1/artifacts", strings.NewReader("private"), b...).into(t, 201, &f)
	same(t, "the same content", f.Digest, mine)
	same(t, "put by both", ask(t, "HEAD", file, nil, b...).StatusCode, 200)
	submit(t, g.World, on(mine), b...)
	// The mill's owner may look at everything.
	same(t, "owner", ask(t, "GET", file, nil, "Authorization", "Bearer mill").StatusCode, 200)
	// Who may act for all tenants acts for one at a time.
	same(t, "not the owner", ask(t, "GET", file, nil, "Authorization", "Bearer all").StatusCode, 404)
	same(t, "for a", ask(t, "GET", file, nil, "Authorization", "Bearer all", api.HeaderTenant, "a").StatusCode, 200)
}

// TestAJobHandsItsFilesOut reads what nobody of the tenant has put.
func TestAJobHandsItsFilesOut(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	f, err := g.Store.Put(t.Context(), strings.NewReader("made by a stage"), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := []string{"Authorization", "Bearer a-read"}
	file := g.URL + "/v1/artifacts/" + f.Digest
	g.Conductor.Made(g.names["job"], f)
	ask(t, "GET", file, nil, a...).problem(t, 404, "artifact.not_found")
	got := ask(t, "GET", file+"?job="+g.names["job"], nil, a...)
	same(t, "content", string(got.body), "made by a stage")
	ask(t, "GET", file+"?job="+g.names["job"], nil, "Authorization", "Bearer b").problem(t, 404, "artifact.not_found")

	post := []string{"Content-Type", "application/json", "Authorization", "Bearer a-submit"}
	ask(t, "POST", g.URL+"/v1/jobs", strings.NewReader(on(f.Digest)), post...).problem(t, 422, "submit.unknown_artifact")
	submit(t, g.World, on(f.Digest), "Authorization", "Bearer a-submit", api.HeaderFromJob, g.names["job"])
}
