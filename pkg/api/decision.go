package api

import (
	"net/url"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Decision is what a person is asked about a step of a job, or about its undo, and
// what came of it.
type Decision struct {
	// ID is <job>.<step>, with .undo behind it when it is about the undo, and with a
	// number when the same place asks again.
	ID string `json:"id"`
	// Version is also the ETag, which POST wants in If-Match. It changes with every
	// reminder and when the decision is made.
	Version string `json:"version"`
	Job     string `json:"job"`
	// State is where the job stands.
	State    events.JobState `json:"state"`
	Pipeline string          `json:"pipeline"`
	Step     string          `json:"step"`
	Undo     bool            `json:"undo,omitempty"`
	Stage    string          `json:"stage"`
	// OpenedAt is since when a person is asked, and DueAt when the default is taken.
	// Overdue counts the due times that have passed since a person last decided here.
	OpenedAt time.Time             `json:"opened_at"`
	DueAt    time.Time             `json:"due_at"`
	Default  events.DecisionChoice `json:"default"`
	Overdue  int                   `json:"overdue,omitempty"`
	// Fault is what happened, Attempts how many tries there were, and Effect the
	// stage's name for an effect that nobody can tell of.
	Fault    *events.Fault `json:"fault,omitempty"`
	Attempts int           `json:"attempts"`
	Effect   string        `json:"effect,omitempty"`
	// Checkpoint is the last place that is known. Nil when none is.
	Checkpoint *events.DecisionPlace `json:"checkpoint,omitempty"`
	// Choices are what can be chosen now. There are none when it has been made.
	Choices []DecisionOption `json:"choices,omitempty"`
	// Made is what was decided. Nil while it is open.
	Made *events.DecisionMade `json:"made,omitempty"`
}

// DecisionOption is something that can be chosen, and what it means.
type DecisionOption struct {
	Choice events.DecisionChoice `json:"choice"`
	Means  string                `json:"means"`
}

// DecisionAnswer is the body of POST /v1/decisions/{id}.
type DecisionAnswer struct {
	Choice events.DecisionChoice `json:"choice"`
	// Reason is kept in the job's record; at most 1 KiB. Accept needs one.
	Reason string `json:"reason,omitempty"`
}

// DecisionPage is the answer of GET /v1/decisions.
type DecisionPage struct {
	Decisions []Decision `json:"decisions"`
	// NextCursor asks for those of the jobs before. Empty means that there are none.
	NextCursor string `json:"next_cursor,omitempty"`
}

// DecisionQuery says which open decisions to list. The zero value lists those of all
// jobs that wait for a person and of those that are paused, newest job first.
type DecisionQuery struct {
	// Pipeline shows those of the jobs of one pipeline. Empty means all.
	Pipeline string
	// Class shows those with a fault of one class. Empty means all.
	Class string
	// Overdue shows those alone of which a due time has passed.
	Overdue bool
	// Running looks into the jobs as well of which other steps go on meanwhile.
	Running bool
	// Limit is how many jobs a page looks into: 1 to 500, zero means 50. A page can
	// hold fewer decisions than that, or more, and still have a next one.
	Limit int
	// Cursor is the NextCursor of the page before. Empty means the first page.
	Cursor string
}

// Values returns the query as it is written in a URL. [ParseDecisionQuery] reads it.
func (q DecisionQuery) Values() url.Values {
	v := written(map[string]string{"pipeline": q.Pipeline, "class": q.Class, "cursor": q.Cursor}, q.Limit)
	for name, yes := range map[string]bool{"overdue": q.Overdue, "running": q.Running} {
		if yes {
			v.Set(name, "true")
		}
	}
	return v
}

// ParseDecisionQuery reads the query of GET /v1/decisions: pipeline, class, overdue,
// running, limit, cursor. Anything else is refused with fault http.bad_request.
func ParseDecisionQuery(v url.Values) (DecisionQuery, error) {
	var q DecisionQuery
	if err := once(v, q.set); err != nil {
		return DecisionQuery{}, err
	}
	return q, nil
}

func (q *DecisionQuery) set(name, value string) (err error) {
	switch name {
	case "pipeline":
		if q.Pipeline = value; !events.ValidToken(value) {
			return badQuery("pipeline %q is not 1 to 64 of a-z, 0-9, _ and -", value)
		}
	case "class":
		if q.Class = value; !slices.Contains(fault.Classes(), fault.Class(value)) {
			return badQuery("there is no class %q", value)
		}
	case "overdue":
		q.Overdue, err = queryTruth(name, value)
	case "running":
		q.Running, err = queryTruth(name, value)
	case "limit":
		q.Limit, err = pageLimit(value)
	case "cursor":
		q.Cursor = value
	default:
		return badQuery("there is no filter %q; there are pipeline, class, overdue, running, limit and cursor", name)
	}
	return err
}

// queryTruth reads a filter that is true or false.
func queryTruth(name, value string) (bool, error) {
	if value != "true" && value != "false" {
		return false, badQuery("%s is true or false, not %q", name, value)
	}
	return value == "true", nil
}
