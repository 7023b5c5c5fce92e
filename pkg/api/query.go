package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

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

// JobSort is an order of a list of jobs.
type JobSort string

// Orders of a list of jobs.
const (
	// SortNewest lists the job that was accepted last first. It is the default.
	SortNewest JobSort = "newest"
	// SortOldest lists the job that was accepted first first.
	SortOldest JobSort = "oldest"
	// SortUpdated lists the job that moved last first.
	SortUpdated JobSort = "updated"
	// SortFinished lists jobs that have ended, the last one first.
	SortFinished JobSort = "finished"
	// SortDuration lists jobs that have ended, the one that took longest first.
	SortDuration JobSort = "duration"
)

// JobSorts lists the orders of a list of jobs.
func JobSorts() []JobSort {
	return []JobSort{SortNewest, SortOldest, SortUpdated, SortFinished, SortDuration}
}

// maxSearch bounds the text of a search, in bytes.
const maxSearch = 512

// JobQuery says which jobs to list, and in which order. All that is said must hold.
// The zero value lists all, newest first.
type JobQuery struct {
	// States lists the states to show. None means all.
	States []events.JobState
	// Pipeline shows the jobs of one pipeline. Empty means all.
	Pipeline string
	// Labels are labels that a job must have, all of them.
	Labels map[string]string
	// Since and Until bound when a job was accepted: not before the one, and before
	// the other. Zero is no bound.
	Since, Until time.Time
	// Fault is the code of a fault, and Class the class of one, that a job or one of
	// its steps has now. Empty means all.
	Fault, Class string
	// Search are words that a job must have in its id, key, labels, names of files
	// or faults, all of them and in any order. One with a * at its end is the
	// beginning of a word. Empty means all.
	Search string
	// Sort is the order. Empty means SortNewest.
	Sort JobSort
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
	v := written(map[string]string{
		"pipeline": q.Pipeline, "fault": q.Fault, "class": q.Class, "search": q.Search, "sort": string(q.Sort),
		"since": timeText(q.Since), "until": timeText(q.Until), "cursor": q.Cursor,
	}, q.Limit)
	for _, s := range q.States {
		v.Add("state", string(s))
	}
	for name, value := range q.Labels {
		v.Set("label."+name, value)
	}
	return v
}

// timeText is a time as it is written in a URL, or nothing.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ParseJobQuery reads the query of GET /v1/jobs: state (repeated, or several with
// commas between), pipeline, label.<name>, since, until, fault, class, search, sort,
// limit, cursor. Anything else is refused
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
		limit, err := pageLimit(value)
		q.Limit = limit
		return err
	case name == "cursor":
		q.Cursor = value
	case name == "since":
		return parseTime(name, value, &q.Since)
	case name == "until":
		return parseTime(name, value, &q.Until)
	case name == "fault":
		q.Fault = value
	case name == "class":
		if !fault.Class(value).Known() {
			return badQuery("there is no class %q", value)
		}
		q.Class = value
	case name == "search":
		if len(value) > maxSearch {
			return badQuery("search is longer than %d bytes", maxSearch)
		}
		q.Search = value
	case name == "sort":
		q.Sort = JobSort(value)
		if !slices.Contains(JobSorts(), q.Sort) {
			return badQuery("there is no order %q; there are newest, oldest, updated, finished and duration", value)
		}
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
			"there are state, pipeline, label.NAME, since, until, fault, class, search, sort, limit and cursor", name)
	}
	return nil
}

// parseTime reads a time of a query.
func parseTime(name, value string, to *time.Time) error {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || t.Year() < 1 {
		return badQuery("%s %q is not a time like 2026-01-02T03:04:05Z", name, value)
	}
	*to = t.UTC()
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
