package api

import "encoding/json"

// EventPage is the answer of GET /v1/events: what happened to all jobs of a tenant, in
// the order of the log.
type EventPage struct {
	Events []PlacedEvent `json:"events"`
	// After is the place after which to go on, with ?after=.
	After uint64 `json:"after"`
	// More is true when there was more than the page holds.
	More bool `json:"more,omitempty"`
}

// PlacedEvent is an event at its place in the log.
type PlacedEvent struct {
	// Place grows from event to event, with gaps. It is the id of a server-sent event.
	Place uint64 `json:"place"`
	// Type is what happened, such as job.completed.
	Type string `json:"type"`
	// Event is an events.Notification, as a webhook would send it.
	Event json.RawMessage `json:"event"`
}
