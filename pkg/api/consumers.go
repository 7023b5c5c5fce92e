package api

import "time"

// ConsumerList is the answer of GET /v1/consumers: what waits for the stages and for
// the conductor, by name.
type ConsumerList struct {
	Consumers []Consumer `json:"consumers"`
}

// Consumer takes messages from the broker, in as many processes as there are.
type Consumer struct {
	// Name is that at the broker: "stage-hash", "undo-publish", "conductor-intake".
	// Nobody serves "conductor-timers": it counts the timers that have not gone off.
	Name string `json:"name"`
	// Stage is the stage whose work it takes, or with Undo whose undos. It is empty
	// for the conductor.
	Stage string `json:"stage,omitempty"`
	Undo  bool   `json:"undo,omitempty"`
	// Pending counts the messages that nobody has taken yet, and InFlight those that
	// somebody works at. Redelivered of these had been taken before, by a process
	// that has gone or gave them back.
	Pending     uint64 `json:"pending"`
	InFlight    int    `json:"in_flight"`
	Redelivered int    `json:"redelivered"`
	// Delivered counts what was ever taken. How it grows is the rate of attempts.
	Delivered uint64 `json:"delivered"`
	// Served is false while nobody asks for messages.
	Served bool `json:"served"`
	// Oldest is when the oldest of Pending and InFlight came, and OldestSeconds how
	// long ago.
	Oldest        time.Time `json:"oldest,omitzero"`
	OldestSeconds float64   `json:"oldest_seconds"`
}
