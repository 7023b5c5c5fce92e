package api

import (
	"net/url"
	"time"

	"github.com/millrace/millrace/events"
)

// WebhookRequest is the body of POST /v1/webhooks.
type WebhookRequest struct {
	// URL is where events are posted: http or https.
	URL string `json:"url"`
	// Types are types of events, or of what has caused them, each whole or as a
	// group: "job.completed", "step.*", "*". None means "job.*".
	Types []string `json:"types,omitempty"`
	// Pipelines are names of pipelines. None means all.
	Pipelines []string `json:"pipelines,omitempty"`
	// Description is for people.
	Description string `json:"description,omitempty"`
	// Scheme is how events are signed: "v1" with a shared secret, "v1a" with a pair
	// of keys. Empty means v1.
	Scheme string `json:"scheme,omitempty"`
}

// WebhookChange is the body of PATCH /v1/webhooks/{id}. What is absent stays.
type WebhookChange struct {
	URL         *string   `json:"url,omitempty"`
	Types       *[]string `json:"types,omitempty"`
	Pipelines   *[]string `json:"pipelines,omitempty"`
	Description *string   `json:"description,omitempty"`
	// Enabled switches the endpoint on or off. One that is switched on goes on
	// where it stopped.
	Enabled *bool `json:"enabled,omitempty"`
	// Skip leaves out what has happened so far and was not sent.
	Skip bool `json:"skip,omitempty"`
	// Reason says why it is switched off.
	Reason string `json:"reason,omitempty"`
}

// WebhookRotation is the body of POST /v1/webhooks/{id}/rotate.
type WebhookRotation struct {
	// OverlapSeconds is for how long the secrets of before sign as well. Absent
	// means a day, at most 30 days.
	OverlapSeconds *int64 `json:"overlap_seconds,omitempty"`
}

// Webhook is an endpoint that events are sent to.
type Webhook struct {
	ID string `json:"id"`
	// Revision changes with every change; it is also the ETag.
	Revision    uint64   `json:"revision"`
	URL         string   `json:"url"`
	Types       []string `json:"types"`
	Pipelines   []string `json:"pipelines"`
	Description string   `json:"description,omitempty"`
	Scheme      string   `json:"scheme"`
	Enabled     bool     `json:"enabled"`
	// Reason says why it is not enabled.
	Reason  string          `json:"reason,omitempty"`
	Secrets []WebhookSecret `json:"secrets"`
	// Replays are those that have not ended.
	Replays []Replay      `json:"replays,omitempty"`
	Status  WebhookStatus `json:"status"`
	// Secret is the newest secret. It is shown when it is made and never again.
	Secret    string    `json:"secret,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	ChangedAt time.Time `json:"changed_at"`
}

// WebhookSecret is what may be known of a secret.
type WebhookSecret struct {
	ID string `json:"id"`
	// Public is the public key of scheme v1a.
	Public    string    `json:"public,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when it signs no more. Absent means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// WebhookStatus is how far an endpoint has come.
type WebhookStatus struct {
	// Position is the last record that was looked at.
	Position uint64 `json:"position"`
	// Waiting is how many jobs have an event that was not taken yet.
	Waiting int `json:"waiting"`
	// Failures counts the attempts that failed since the last success, and
	// FailingSince is when the first of them was made.
	Failures     int       `json:"failures,omitempty"`
	FailingSince time.Time `json:"failing_since,omitzero"`
}

// WebhookList is the answer of GET /v1/webhooks, by id.
type WebhookList struct {
	Webhooks []Webhook `json:"webhooks"`
}

// ReplayRequest is the body of POST /v1/webhooks/{id}/replay.
type ReplayRequest struct {
	// Since and Until bound when the events happened. Until may be absent, which
	// means now.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Types are the types of events. None means those of the endpoint.
	Types []string `json:"types,omitempty"`
}

// Replay sends events again that were sent before, or should have been.
type Replay struct {
	ID string `json:"id"`
	// From and To are the first and the last record that it looks at.
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	// Job is the one job that it is about. Empty means all.
	Job       string    `json:"job,omitempty"`
	Types     []string  `json:"types,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// DeliveryOutcome is what an attempt led to.
type DeliveryOutcome string

// Outcomes of an attempt.
const (
	// Delivered was taken by the receiver.
	Delivered DeliveryOutcome = "delivered"
	// DeliveryFailed was not taken; the event is sent again.
	DeliveryFailed DeliveryOutcome = "failed"
	// DeliveryGivenUp was not taken, and the event is not sent again.
	DeliveryGivenUp DeliveryOutcome = "given_up"
)

// DeliveryOutcomes lists the outcomes of an attempt.
func DeliveryOutcomes() []DeliveryOutcome {
	return []DeliveryOutcome{Delivered, DeliveryFailed, DeliveryGivenUp}
}

// Delivery is one attempt to send an event to an endpoint.
type Delivery struct {
	ID      string `json:"id"`
	Webhook string `json:"webhook"`
	// Message is the webhook-id: the same for every attempt with the same event.
	Message string `json:"message"`
	// Event is the event's id, Sequence its place in the log, and Type what
	// happened to Job.
	Event    string          `json:"event"`
	Sequence uint64          `json:"sequence,omitempty"`
	Type     string          `json:"type"`
	Job      string          `json:"job"`
	Attempt  int             `json:"attempt"`
	Outcome  DeliveryOutcome `json:"outcome"`
	// Status is that of the answer, zero without one, and Body the first KiB of it.
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"`
	// MS is how long it took, in milliseconds.
	MS int64 `json:"ms"`
	// Code and Detail say why it failed.
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Replay names the replay that it belongs to.
	Replay string    `json:"replay,omitempty"`
	Time   time.Time `json:"time"`
	// NextAt is when the event is sent again.
	NextAt time.Time `json:"next_at,omitzero"`
}

// DeliveryPage is the answer of GET /v1/deliveries, newest first.
type DeliveryPage struct {
	Deliveries []Delivery `json:"deliveries"`
	// NextCursor asks for the deliveries before these. Empty means that there are
	// none.
	NextCursor string `json:"next_cursor,omitempty"`
}

// DeliveryQuery says which deliveries to list.
type DeliveryQuery struct {
	// Webhook and Job are whose. Empty means all.
	Webhook, Job string
	// Outcome is what they led to. Empty means all.
	Outcome DeliveryOutcome
	// Limit is the size of a page: 1 to 500, zero means 50.
	Limit int
	// Cursor is the NextCursor of the page before. Empty means the first page.
	Cursor string
}

// Values returns the query as it is written in a URL. [ParseDeliveryQuery] reads it.
func (q DeliveryQuery) Values() url.Values {
	return written(map[string]string{
		"webhook": q.Webhook, "job": q.Job, "outcome": string(q.Outcome), "cursor": q.Cursor,
	}, q.Limit)
}

// ParseDeliveryQuery reads the query of GET /v1/deliveries: webhook, job, outcome,
// limit, cursor. Anything else is refused with fault http.bad_request.
func ParseDeliveryQuery(v url.Values) (DeliveryQuery, error) {
	var q DeliveryQuery
	if err := once(v, q.set); err != nil {
		return DeliveryQuery{}, err
	}
	return q, nil
}

func (q *DeliveryQuery) set(name, value string) (err error) {
	switch name {
	case "webhook", "job":
		if !events.ValidToken(value) {
			return badQuery("%s %q is not 1 to 64 of a-z, 0-9, _ and -", name, value)
		}
		if name == "job" {
			q.Job = value
		} else {
			q.Webhook = value
		}
	case "outcome":
		q.Outcome = DeliveryOutcome(value)
		for _, o := range DeliveryOutcomes() {
			if q.Outcome == o {
				return nil
			}
		}
		return badQuery("there is no outcome %q; there are %q", value, DeliveryOutcomes())
	case "limit":
		q.Limit, err = pageLimit(value)
		return err
	case "cursor":
		q.Cursor = value
	default:
		return badQuery("there is no filter %q; there are webhook, job, outcome, limit and cursor", name)
	}
	return nil
}
