package telemetry

import "time"

// Sight is what is so of a mill at one moment. What nobody looked at is left empty, and
// gives no metrics.
type Sight struct {
	Connections []Connection
	Consumers   []Consumer
	Stages      []Running
	Jobs        []Jobs
	Breakers    []Breaker
	Disks       []Disk
	// DiskLevel is 0 while there is room, 1 below the low mark and 2 below the other.
	DiskLevel   *int
	DeadLetters *DeadLetters
	View        *View
	Gateway     *Gateway
}

// Connection is one to the broker, by the part of the mill that has it.
type Connection struct {
	Part string
	Up   bool
}

// Consumer is what waits for a durable consumer.
type Consumer struct {
	Name                           string
	Pending, InFlight, Redelivered float64
	// Oldest is the age of the oldest message that is not acknowledged, zero without
	// one.
	Oldest time.Duration
	// Served says that somebody takes the messages.
	Served bool
}

// Running is how much of a stage this process does at once: now, and at most.
type Running struct {
	Stage        string
	Tasks, Slots int
}

// Jobs is how many jobs of a pipeline are in a state.
type Jobs struct {
	Pipeline, State string
	Count           int64
}

// Breaker is the circuit of a dependency in this process: 0 closed, 1 half open, 2 open.
type Breaker struct {
	Dependency string
	State      int
}

// Disk is the room of one folder's disk in bytes.
type Disk struct {
	Name       string
	Free, Size int64
}

// DeadLetters is how many messages no consumer could handle: ever, and of those that are
// kept.
type DeadLetters struct{ Ever, Kept uint64 }

// View is how far the list of jobs is behind the log.
type View struct {
	Records uint64
	Seconds float64
	Stale   bool
}

// Gateway is how many requests follow jobs or events, and how many uploads run.
type Gateway struct{ Followers, Uploads int }
