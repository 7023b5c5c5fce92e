package gateway

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/openapi"
)

// millShapes are those of what belongs to no tenant.
func millShapes() map[string]openapi.Shape {
	set := openapi.JSON[api.RuleSet]()
	return map[string]openapi.Shape{
		"GET /v1/rules":        openapi.Does("listRules").Give(200, openapi.JSON[api.RuleList]()),
		"GET /v1/rules/{name}": openapi.Does("getRule").Versioned().Give(200, openapi.JSON[events.Rule]()),
		"PUT /v1/rules/{name}": openapi.Does("setRule").Take(openapi.JSON[events.Rule]()).Conditional().
			Header("If-None-Match", "* sets a rule only where none is in force.").
			Tell("Location").Refuse(422).Give(200, set).Give(201, set),
		"DELETE /v1/rules/{name}": reasoned(openapi.Does("removeRule")).Conditional().
			Query("by", "Who removes it, where identity does not say.", openapi.Text()).
			Give(200, openapi.JSON[events.RuleChange]()),
		"GET /v1/rules/{name}/history": openapi.Does("getRuleHistory").Give(200, openapi.JSON[api.RuleHistory]()),
		"GET /v1/breakers":             openapi.Does("listBreakers").Give(200, openapi.JSON[api.BreakerList]()),
		"GET /v1/consumers":            openapi.Does("listConsumers").Give(200, openapi.JSON[api.ConsumerList]()),
	}
}

// viewShapes are those of the list of jobs and of numbers.
func viewShapes() map[string]openapi.Shape {
	of := func(s openapi.Shape) openapi.Shape {
		return s.Query("pipeline", "Those of one pipeline.", openapi.Token())
	}
	trend := func(id string) openapi.Shape {
		return of(openapi.Does(id)).
			Query("since", "The hour that is the first. A day before until if it is absent, or 30 days by day.", openapi.Time()).
			Query("until", "The hour that is the last. Now if it is absent.", openapi.Time()).
			Query("by", "The parts of the time. Hours if it is absent; days begin at midnight UTC.", openapi.Word(api.ByHour, api.ByDay))
	}
	return map[string]openapi.Shape{
		"GET /v1/stats":            of(openapi.Does("countJobs")).Give(200, openapi.JSON[api.Counts]()),
		"GET /v1/stats/failures":   trend("getFailures").Give(200, openapi.JSON[api.Failures]()),
		"GET /v1/stats/recovery":   trend("getRecoveries").Give(200, openapi.JSON[api.Recoveries]()),
		"GET /v1/stats/throughput": trend("getThroughput").Give(200, openapi.JSON[api.Throughput]()),
		"GET /v1/view":             openapi.Does("getView").Give(200, openapi.JSON[api.View]()),
		"POST /v1/view/rebuild":    reasoned(openapi.Does("rebuildView")).Refuse(409).Give(202, openapi.JSON[api.View]()),
	}
}

// hookShapes are those of webhooks.
func hookShapes() map[string]openapi.Shape {
	hook, replay := openapi.JSON[api.Webhook](), openapi.JSON[api.Replay]()
	change := openapi.JSON[api.WebhookChange]()
	return map[string]openapi.Shape{
		"POST /v1/webhooks": reasoned(openapi.Does("createWebhook")).Take(openapi.JSON[api.WebhookRequest]()).
			Versioned().Tell("Location").Refuse(409, 422).Give(201, hook),
		"GET /v1/webhooks":      openapi.Does("listWebhooks").Give(200, openapi.JSON[api.WebhookList]()),
		"GET /v1/webhooks/{id}": openapi.Does("getWebhook").Versioned().Give(200, hook),
		"PATCH /v1/webhooks/{id}": openapi.Does("changeWebhook").Take(change, change.As("application/merge-patch+json")).
			Conditional().Refuse(422).Give(200, hook),
		"DELETE /v1/webhooks/{id}": reasoned(openapi.Does("deleteWebhook")).Conditional().Give(204),
		"POST /v1/webhooks/{id}/rotate": reasoned(openapi.Does("rotateWebhookSecret")).MayTake(openapi.JSON[api.WebhookRotation]()).
			Conditional().Give(200, hook),
		"POST /v1/webhooks/{id}/test": reasoned(openapi.Does("testWebhook")).Refuse(503).Give(200, openapi.JSON[api.Delivery]()),
		"POST /v1/webhooks/{id}/replay": reasoned(openapi.Does("replayWebhook")).Take(openapi.JSON[api.ReplayRequest]()).
			Refuse(409, 422).Give(202, replay),
		"GET /v1/deliveries": openapi.Does("listDeliveries").
			Query("webhook", "Those to one endpoint.", openapi.Token()).
			Query("job", "Those about one job.", openapi.Token()).
			Query("outcome", "What they led to.", openapi.Word(api.DeliveryOutcomes()...)).
			Paged().Give(200, openapi.JSON[api.DeliveryPage]()),
		"GET /v1/deliveries/{id}":         openapi.Does("getDelivery").Give(200, openapi.JSON[api.Delivery]()),
		"POST /v1/deliveries/{id}/replay": reasoned(openapi.Does("replayDelivery")).Refuse(409).Give(202, replay),
	}
}

// identityShapes are those about who makes a request.
func identityShapes() map[string]openapi.Shape {
	return map[string]openapi.Shape{
		"GET /v1/whoami": openapi.Does("whoAmI").Give(200, openapi.JSON[api.Principal]()),
		"POST /v1/keys": reasoned(openapi.Does("createKey")).Take(openapi.JSON[api.KeyRequest]()).Tell("Location").Refuse(422).
			Give(201, openapi.JSON[api.KeyMade]()),
		"GET /v1/keys": openapi.Does("listKeys").Give(200, openapi.JSON[api.KeyList]()),
		"GET /v1/audit": openapi.Does("listAudit").
			Query("by", "What one did.", openapi.Text()).
			Query("action", "What was done: all of the word, or what it begins with, such as webhook.", openapi.Text()).
			Query("target", "What it was done to.", openapi.Text()).
			Query("outcome", "What came of it.", openapi.Word(api.AuditOutcomes()...)).
			Query("since", "What was kept then or later.", openapi.Time()).
			Query("until", "What began before.", openapi.Time()).
			Paged().Give(200, openapi.JSON[api.AuditPage]()),
		"DELETE /v1/keys/{id}": reasoned(openapi.Does("revokeKey")).Give(200, openapi.JSON[api.Key]()),
	}
}

// serverShapes are those about the server itself.
func serverShapes() map[string]openapi.Shape {
	return map[string]openapi.Shape{
		"GET /v1/faults/{code}": openapi.Does("getFault").Give(200, openapi.JSON[api.FaultInfo]()),

		"GET /v1":      openapi.Does("listRoutes").Give(200, openapi.JSON[api.Index]()),
		"GET /livez":   openapi.Does("getLiveness").Give(200, openapi.JSON[api.Health]()),
		"GET /readyz":  openapi.Does("getReadiness").Refuse(503).Give(200, openapi.JSON[api.Health]()),
		"GET /metrics": openapi.Does("getMetrics").Refuse(503).Give(200, openapi.Plain("text/plain", "Metrics in the text format of Prometheus.")),
		"GET /version": openapi.Does("getVersion").Give(200, openapi.JSON[api.Version]()),
		"GET /openapi.json": openapi.Does("getDocument").Cached().
			Give(200, openapi.Plain(contentTypeOpenAPI+"+json", "This document.")),
		"GET /openapi.yaml": openapi.Does("getDocumentAsYAML").Cached().
			Give(200, openapi.Plain(contentTypeOpenAPI+"+yaml", "This document.")),
		"GET /": openapi.Does("getDashboard").Cached().Give(200, openapi.Plain("text/html", "The page.")),
		"GET /assets/{file}": openapi.Does("getDashboardFile").Cached().
			Give(200, openapi.Plain("text/javascript", "A program."), openapi.Plain("text/css", "A style."),
				openapi.Plain("image/svg+xml", "A picture.")),
	}
}
