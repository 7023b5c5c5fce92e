package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Limits of a list of jobs.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// maxLabels is how many labels one query may ask for; a job has no more.
const maxLabels = 64

// JobQuery says which jobs to list, newest first. The zero value lists all.
type JobQuery struct {
	// States lists the states to show. None means all.
	States []events.JobState
	// Pipeline shows the jobs of one pipeline. Empty means all.
	Pipeline string
	// Labels are labels that a job must have, all of them.
	Labels map[string]string
	// Limit is the size of a page: 1 to 500, zero means 50.
	Limit int
	// Cursor is the NextCursor of the page before. Empty means the first page.
	Cursor string
}

// States lists every state of a job, the final ones last.
func States() []events.JobState {
	return []events.JobState{
		events.JobAccepted, events.JobRunning, events.JobWaiting, events.JobAttention,
		events.JobPaused, events.JobCancelling, events.JobCompensating, events.JobCompleted,
		events.JobPartial, events.JobFailed, events.JobCancelled, events.JobRolledBack,
	}
}

// Values returns the query as it is written in a URL. [ParseJobQuery] reads it.
func (q JobQuery) Values() url.Values {
	v := url.Values{}
	for _, s := range q.States {
		v.Add("state", string(s))
	}
	if q.Pipeline != "" {
		v.Set("pipeline", q.Pipeline)
	}
	for name, value := range q.Labels {
		v.Set("label."+name, value)
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Cursor != "" {
		v.Set("cursor", q.Cursor)
	}
	return v
}

// ParseJobQuery reads the query of GET /v1/jobs: state (repeated, or several with
// commas between), pipeline, label.<name>, limit, cursor. Anything else is refused
// with fault http.bad_request, so that a mistyped filter does not list everything.
func ParseJobQuery(v url.Values) (JobQuery, error) {
	var q JobQuery
	for name, values := range v {
		if err := q.set(name, values); err != nil {
			return JobQuery{}, err
		}
	}
	return q, nil
}

func (q *JobQuery) set(name string, values []string) error {
	if name == "state" {
		return q.setStates(values)
	}
	if len(values) != 1 {
		return badQuery("%s is given %d times", name, len(values))
	}
	value := values[0]
	label, isLabel := strings.CutPrefix(name, "label.")
	switch {
	case name == "pipeline":
		if !events.ValidToken(value) {
			return badQuery("pipeline %q is not 1 to 64 of a-z, 0-9, _ and -", value)
		}
		q.Pipeline = value
	case name == "limit":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > MaxLimit {
			return badQuery("limit %q is not a number from 1 to %d", value, MaxLimit)
		}
		q.Limit = n
	case name == "cursor":
		q.Cursor = value
	case isLabel && label != "":
		if q.Labels == nil {
			q.Labels = make(map[string]string)
		}
		q.Labels[label] = value
		if len(q.Labels) > maxLabels {
			return badQuery("more than %d labels", maxLabels)
		}
	default:
		return badQuery("there is no filter %q; "+
			"there are state, pipeline, label.NAME, limit and cursor", name)
	}
	return nil
}

func (q *JobQuery) setStates(values []string) error {
	known := States()
	for _, value := range values {
		for s := range strings.SplitSeq(value, ",") {
			state := events.JobState(s)
			if !slices.Contains(known, state) {
				return badQuery("there is no state %q", s)
			}
			if !slices.Contains(q.States, state) {
				q.States = append(q.States, state)
			}
		}
	}
	return nil
}

func badQuery(format string, args ...any) error {
	return fault.New(fault.HTTPBadRequest, fault.Clip(fmt.Sprintf(format, args...), 300), nil)
}
