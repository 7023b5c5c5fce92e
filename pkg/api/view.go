package api

import "time"

// Freshness says how far a list of jobs is behind the log of events. A list holds what
// the log held when it was asked for, unless it would take more than two seconds to
// take that in.
type Freshness struct {
	// Sequence is that of the last record that the list holds.
	Sequence uint64 `json:"sequence"`
	// Lag is how many records it is behind at most, and LagSeconds how old the
	// oldest of them is.
	Lag        uint64  `json:"lag"`
	LagSeconds float64 `json:"lag_seconds"`
	// Stale is true while the list does not move, for the reason in Problem.
	Stale   bool   `json:"stale,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// View is the answer of GET /v1/view: what the list of jobs is kept in.
type View struct {
	// Database is sqlite or postgres.
	Database string `json:"database"`
	// Generation counts how often the list was built.
	Generation int64 `json:"generation"`
	// Newest is the sequence of the last record of the log.
	Newest uint64 `json:"newest"`
	Freshness
	// Writer is true when the process that answers writes the list; others read it.
	Writer bool `json:"writer"`
	// Building is the generation that will take over, if there is one.
	Building *Building `json:"building,omitempty"`
}

// Building is a generation of the list that is being built.
type Building struct {
	Generation int64  `json:"generation"`
	Sequence   uint64 `json:"sequence"`
}

// Counts is the answer of GET /v1/stats: how many jobs there are now.
type Counts struct {
	Jobs   int64            `json:"jobs"`
	States map[string]int64 `json:"states"`
	// Pipelines are the same for each pipeline, by name.
	Pipelines []PipelineCount `json:"pipelines"`
	// Faults are how many jobs have a fault now, the most frequent first.
	Faults []FaultCount `json:"faults"`
	View   *Freshness   `json:"view,omitempty"`
}

// PipelineCount is how many jobs of a pipeline there are.
type PipelineCount struct {
	Name   string           `json:"name"`
	Jobs   int64            `json:"jobs"`
	States map[string]int64 `json:"states"`
}

// FaultCount is how many jobs have a fault.
type FaultCount struct {
	Code  string `json:"code"`
	Class string `json:"class"`
	Jobs  int64  `json:"jobs"`
}

// Failures is the answer of GET /v1/stats/failures: failures of a span of time by
// the code of the fault, the most frequent first.
type Failures struct {
	Failures []Failure  `json:"failures"`
	View     *Freshness `json:"view,omitempty"`
}

// Failure is what happened with one code of a fault.
type Failure struct {
	Code  string `json:"code"`
	Class string `json:"class"`
	Hint  string `json:"hint,omitempty"`
	// Count is how often it happened in the span, and LastAt when it did last.
	Count  int64     `json:"count"`
	LastAt time.Time `json:"last_at,omitzero"`
	// Jobs is how many jobs have it now, whenever it happened. Example is the id of
	// the newest of them.
	Jobs    int64  `json:"jobs"`
	Example string `json:"example,omitempty"`
}

// Recoveries is the answer of GET /v1/stats/recovery: how long jobs were in trouble,
// from their first failure until nothing failed any more or they were given up.
type Recoveries struct {
	Spans []Recovery `json:"spans"`
	View  *Freshness `json:"view,omitempty"`
}

// Recovery is what is known of the trouble that ended within a span of time. The
// times are those of the jobs that recovered, in milliseconds; all but the mean are
// right to about a tenth.
type Recovery struct {
	At        time.Time `json:"at"`
	Recovered int64     `json:"recovered"`
	GivenUp   int64     `json:"given_up"`
	MeanMS    int64     `json:"mean_ms"`
	MedianMS  int64     `json:"median_ms"`
	P95MS     int64     `json:"p95_ms"`
}

// Throughput is the answer of GET /v1/stats/throughput.
type Throughput struct {
	Spans []Flow     `json:"spans"`
	View  *Freshness `json:"view,omitempty"`
}

// Flow is what happened within a span of time.
type Flow struct {
	At       time.Time `json:"at"`
	Accepted int64     `json:"accepted"`
	// Finished counts jobs by the state that they ended in.
	Finished map[string]int64 `json:"finished"`
	// Failures counts attempts, and other faults of jobs.
	Failures int64 `json:"failures"`
	// MeanMS is how long the jobs took that ended, in milliseconds.
	MeanMS int64 `json:"mean_ms"`
}
