package api

import "github.com/millrace/millrace/events"

// BreakerList is the answer of GET /v1/breakers: the newest word of each worker on
// each dependency that it had trouble with lately, by dependency and worker.
type BreakerList struct {
	Breakers []events.Breaker `json:"breakers"`
}
