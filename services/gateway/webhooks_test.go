package gateway_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestWebhookRoutes makes, changes and removes an endpoint, and refuses what is wrong.
func TestWebhookRoutes(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	send := func(method, path, body string, headers ...string) answer {
		t.Helper()
		headers = append(headers, "Content-Type", events.ContentTypeJSON)
		return ask(t, method, w.URL+path, strings.NewReader(body), headers...)
	}
	var hook api.Webhook
	a := send("POST", "/v1/webhooks", `{"url":"https://example.com/hook","types":["job.*"]}`)
	a.into(t, 201, &hook)
	same(t, "location", a.Header.Get("Location"), "/v1/webhooks/"+hook.ID)
	path, tag := "/v1/webhooks/"+hook.ID, a.Header.Get("ETag")
	send("PATCH", path, `{"types":["*"]}`, "If-Match", tag).into(t, 200, &hook)
	same(t, "types", hook.Types, []string{"*"})
	send("PATCH", path, `{"types":["*"]}`, "If-Match", tag).problem(t, 412, "webhook.stale_revision")
	send("POST", path+"/rotate", `{"overlap_seconds":60}`).into(t, 200, &hook)
	same(t, "secrets that sign", len(hook.Secrets), 2)
	send("POST", path+"/rotate", `{"overlap_seconds":-1}`).problem(t, 400, "http.bad_request")
	send("POST", path+"/test", "").problem(t, 503, "http.not_ready")

	send("POST", "/v1/webhooks", `{"url":"http://127.0.0.1/"}`).problem(t, 422, "webhook.invalid")
	send("POST", "/v1/webhooks", `{"url":"https://example.com","scheme":"v2"}`).problem(t, 422, "webhook.invalid")
	send("POST", "/v1/webhooks", `{"url":"https://example.com","type":["*"]}`).problem(t, 400, "http.bad_request")
	send("POST", "/v1/webhooks", `[]`).problem(t, 400, "http.bad_request")
	ask(t, "POST", w.URL+"/v1/webhooks", strings.NewReader("x")).problem(t, 415, "http.unsupported_media_type")
	send("POST", path+"/replay", `{}`).problem(t, 422, "webhook.invalid")
	send("GET", "/v1/webhooks/a.b", "").problem(t, 404, "webhook.not_found")
	send("GET", "/v1/deliveries?outcome=lost", "").problem(t, 400, "http.bad_request")
	send("GET", "/v1/deliveries?cursor=x", "").problem(t, 400, "http.bad_request")
	send("GET", "/v1/deliveries/d0", "").problem(t, 404, "webhook.delivery_not_found")
	same(t, "deleted", send("DELETE", path, "").StatusCode, 204)
	send("DELETE", path, "").problem(t, 404, "webhook.not_found")
}
