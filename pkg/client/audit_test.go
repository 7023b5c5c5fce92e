package client_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestAudit changes things with a reason, and reads who did what and why.
func TestAudit(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t, gateway.Limits{})
	why := func(reason string) { // all that takes no reason itself
		ctx := client.WithReason(t.Context(), reason)
		hook, err := c.CreateWebhook(ctx, api.WebhookRequest{URL: "https://example.com/x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.RotateWebhook(ctx, hook.ID, 0); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteWebhook(ctx, hook.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ApplyPipeline(ctx, "", []byte(gatewaytest.Pipeline)); err != nil {
			t.Fatal(err)
		}
	}
	why("why not?")
	why("")
	var got []string
	for e, err := range c.AllAudit(t.Context(), api.AuditQuery{Limit: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.By+" "+e.Action+": "+e.Reason)
	}
	want := []string{
		"http pipeline.apply: ", "http webhook.delete: ", "http webhook.rotate: ", "http webhook.create: ",
		"http pipeline.apply: why not?", "http webhook.delete: why not?", "http webhook.rotate: why not?", "http webhook.create: why not?",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
