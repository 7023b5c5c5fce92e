package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// getJob answers with a job as it is, or after a wait: with If-None-Match, until it
// is no longer that revision; without, until it is final. With Cache-Control: no-cache
// it is the log that says so, however long that takes.
func (g *Gateway) getJob(x *exchange) error {
	id := x.r.PathValue("id")
	known := x.r.Header.Get("If-None-Match")
	wait := preferredWait(x.r.Header, g.Limits.MaxWait)
	read := g.newestRecord
	if strings.Contains(x.r.Header.Get("Cache-Control"), "no-cache") {
		read = g.lastRecord
	}
	m, err := read(x.r.Context(), x.tenant, id)
	if err != nil {
		return err
	}
	wanted := isFinal
	if known != "" {
		wanted = func(m *bus.Message) bool { return !matches(known, etagOf(m)) }
	}
	if wait > 0 {
		x.applied(wait)
		if !wanted(m) {
			if m, err = g.awaitJob(x.r.Context(), x.tenant, id, wait, wanted); err != nil {
				return err
			}
		}
	}
	etag := etagOf(m)
	x.w.Header().Set("ETag", etag)
	x.w.Header().Set("Cache-Control", "no-cache")
	if known != "" && matches(known, etag) {
		x.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return x.job(http.StatusOK, m)
}

// job answers with the job of a record, which is handed on as it was written, and
// with what it takes.
func (x *exchange) job(status int, m *bus.Message) error {
	var rec struct {
		Revision uint64          `json:"revision"`
		Job      json.RawMessage `json:"job"`
		Allowed  []events.Choice `json:"allowed,omitempty"`
	}
	var j events.Job
	err := json.Unmarshal(m.Data, &rec)
	if err == nil {
		err = json.Unmarshal(rec.Job, &j)
	}
	if err != nil {
		return fault.New(fault.InternalBug, "decode a record", err)
	}
	rec.Allowed = x.allowed(&j)
	x.w.Header().Set("ETag", etagOf(m))
	return x.json(status, rec)
}

// revision answers with what is said of a job at the revision of a record.
func (x *exchange) revision(m *bus.Message, v any) error {
	x.w.Header().Set("ETag", etagOf(m))
	x.w.Header().Set("Cache-Control", "no-cache")
	return x.json(http.StatusOK, v)
}

func etagOf(m *bus.Message) string {
	return `"` + strconv.FormatUint(revisionOf(m), 10) + `"`
}

// matches reports whether a list of entity tags, as in If-None-Match, holds one. A
// tag may be weak; it is compared all the same.
func matches(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == etag {
			return true
		}
	}
	return false
}

// getJobs answers with a page of jobs.
func (g *Gateway) getJobs(x *exchange) error {
	if g.Jobs == nil {
		return fault.New(fault.HTTPNotReady, "this process has no list of jobs", nil)
	}
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return badRequest("the query is malformed")
	}
	q, err := api.ParseJobQuery(values)
	if err != nil {
		return err
	}
	page, err := g.Jobs.List(x.r.Context(), x.tenant, q)
	if err != nil {
		return err
	}
	if page.Jobs == nil {
		page.Jobs = []api.JobItem{}
	}
	if page.NextCursor != "" {
		q.Cursor = page.NextCursor
		x.w.Header().Add("Link", "</v1/jobs?"+q.Values().Encode()+`>; rel="next"`)
	}
	return x.json(http.StatusOK, page)
}

// getHistory answers with the records of a job as they are now.
func (g *Gateway) getHistory(x *exchange) error {
	id := x.r.PathValue("id")
	if _, err := g.lastRecord(x.r.Context(), x.tenant, id); err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", events.ContentTypeJSON)
	x.w.WriteHeader(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return nil
	}
	before := "["
	err := g.Bus.Scan(x.r.Context(), bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.HistoryFilter(x.tenant, id)},
	}, func(m *bus.Message) error {
		if _, err := x.w.Write([]byte(before)); err != nil {
			return err
		}
		before = ",\n"
		_, err := x.w.Write(m.Data)
		return err
	})
	if err != nil {
		return err // the answer has begun: the connection is cut
	}
	end := "]\n"
	if before == "[" {
		end = "[]\n" // the records have passed their retention meanwhile
	}
	_, _ = x.w.Write([]byte(end))
	return nil
}
