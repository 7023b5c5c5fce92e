package gateway

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// Limits of a page of events, and of the jobs that a filter may name.
const (
	defaultEvents = 100
	maxEvents     = 1000
	maxFilterJobs = 50
)

// eventFilter says which records of a tenant are wanted: those that a webhook with
// the same filter would tell, of some jobs or of all.
type eventFilter struct {
	webhook.Filter
	jobs []string
}

// eventQuery is the query of GET /v1/events.
type eventQuery struct {
	eventFilter
	after uint64 // a place in the log
	from  bool   // after was given
	limit int
}

// parseEventQuery reads types, pipeline and job, each separated by commas, after and
// limit. Faults: http.bad_request, webhook.invalid.
func parseEventQuery(query string) (q eventQuery, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return q, badRequest("the query is malformed")
	}
	q.limit, q.Types = defaultEvents, []string{"*"}
	for name := range values {
		if err := q.set(name, values.Get(name)); err != nil {
			return q, err
		}
	}
	if list := q.Check(); list != nil {
		return q, withErrors(fault.WebhookInvalid, list[0].Detail, list)
	}
	return q, nil
}

func (q *eventQuery) set(name, value string) (err error) {
	switch name {
	case "types":
		q.Types = strings.Split(value, ",")
	case "pipeline":
		q.Pipelines = strings.Split(value, ",")
	case "job":
		q.jobs = strings.Split(value, ",")
		if len(q.jobs) > maxFilterJobs || slices.ContainsFunc(q.jobs, func(id string) bool { return !events.ValidToken(id) }) {
			return badRequest("job is 1 to " + strconv.Itoa(maxFilterJobs) + " ids of jobs, separated by commas")
		}
	case "after":
		q.from = true
		if q.after, err = strconv.ParseUint(value, 10, 63); err != nil {
			return badRequest("after is not the place of an event: " + value)
		}
	case "limit":
		if q.limit, err = strconv.Atoi(value); err != nil || q.limit < 1 || q.limit > maxEvents {
			return badRequest("limit is 1 to " + strconv.Itoa(maxEvents))
		}
	default:
		return badRequest("there is no parameter " + strconv.Quote(name) +
			"; there are types, pipeline, job, after and limit")
	}
	return nil
}

// subjects are those of the records of a tenant that may be wanted.
func (f *eventFilter) subjects(tenant string) []string {
	if len(f.jobs) == 0 {
		return f.Subjects(tenant)
	}
	var out []string
	for _, id := range slices.Compact(slices.Sorted(slices.Values(f.jobs))) {
		out = append(out, events.HistoryFilter(tenant, id))
	}
	return out
}

// about is what is known of a record without reading all of it.
type about struct {
	tenant, pipeline, job string
	kind, cause           string
}

// aboutRecord reads the subject and the type of a record.
func aboutRecord(m *bus.Message) (a about, ok bool) {
	t, ok := events.Tokens(m.Subject, "events", 4)
	if !ok {
		return a, false
	}
	a = about{tenant: t[0], pipeline: t[1], job: t[2], kind: typeOf(m), cause: m.Header[events.HeaderCause]}
	return a, a.kind != ""
}

// wants reports whether a record is wanted.
func (f *eventFilter) wants(a about) bool {
	return f.WantsEvent(a.kind, a.cause) &&
		(len(f.jobs) == 0 || slices.Contains(f.jobs, a.job)) &&
		(len(f.Pipelines) == 0 || slices.Contains(f.Pipelines, a.pipeline))
}
