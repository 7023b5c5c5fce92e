package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/openapi"
)

// TestEveryRouteHasAShape holds the table of shapes against that of routes.
func TestEveryRouteHasAShape(t *testing.T) {
	t.Parallel()
	rows := shapes()
	for _, r := range (&Gateway{}).table() {
		key := r.Method + " " + r.Path
		if rows[key].ID() == "" {
			t.Errorf("%s has no shape: say in a table of shapes*.go what goes in and out, as "+
				"%q: openapi.Does(\"operationId\").Give(200, openapi.JSON[api.T]()), then go generate ./schemas", key, key)
		}
		if ends := rows[key].Ends(); ends != nil {
			if err := ends.Check(); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		delete(rows, key)
	}
	for key := range rows {
		t.Errorf("%s has a shape and is no route", key)
	}
}

// TestNotice holds a deprecation to what is promised in deploy/docs/promise.md.
func TestNotice(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		d     openapi.Deprecation
		sound bool
	}{
		{openapi.Deprecation{Since: since}, true},
		{openapi.Deprecation{Since: since, Sunset: since.Add(openapi.Notice)}, true},
		{openapi.Deprecation{Since: since, Sunset: since.Add(openapi.Notice - time.Second)}, false},
		{openapi.Deprecation{Sunset: since}, false},
	} {
		if err := test.d.Check(); (err == nil) != test.sound {
			t.Errorf("%+v: %v", test.d, err)
		}
	}
}

// TestDeprecatedRoute plants a route that will go.
func TestDeprecatedRoute(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	surface := humago.New(mux, openapi.Config())
	g := &Gateway{}
	list := func(x *exchange) error {
		x.w.Header().Add("Link", `</v1/old?cursor=2>; rel="next"`)
		return x.json(http.StatusOK, api.StageList{})
	}
	g.register(surface, []route{
		at("GET", "/v1/old", list, "List what is old."), at("GET", "/v1/new", list, "List what is new."),
	}, map[string]openapi.Shape{
		"GET /v1/new": openapi.Does("listNew").Give(200, openapi.JSON[api.StageList]()),
		"GET /v1/old": openapi.Does("listOld").Give(200, openapi.JSON[api.StageList]()).Until(openapi.Deprecation{
			Since:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Sunset:    time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
			Successor: "/v1/new",
		}),
	})
	g.Config.Limits.RateWindow = time.Second
	get := func(path string) http.Header {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		x := g.newExchange(w, r)
		mux.ServeHTTP(x.w, x.r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Header()
	}
	h := get("/v1/old")
	for name, want := range map[string]string{
		"Deprecation": "@1767323045", "Sunset": "Sat, 02 Jan 2027 03:04:05 GMT",
		"Link": `</v1/new>; rel="successor-version", </v1/old?cursor=2>; rel="next"`,
	} {
		if got := strings.Join(h.Values(name), ", "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if h := get("/v1/new"); h.Get("Deprecation")+h.Get("Sunset") != "" {
		t.Errorf("the successor is deprecated too: %v", h)
	}
	doc := surface.OpenAPI()
	if old := doc.Paths["/v1/old"].Get; !old.Deprecated || !strings.Contains(old.Description, "gone after 2027-01-02; use /v1/new") {
		t.Errorf("%+v", old)
	}
	if doc.Paths["/v1/new"].Get.Deprecated {
		t.Error("the successor is deprecated in the document")
	}
}
