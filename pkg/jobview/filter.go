package jobview

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// filter is a query of one tenant, made ready.
type filter struct {
	tenant string
	q      api.JobQuery
	marks  []int64
	words  []searchWord
	// nothing is true when the query asks for words and has none that can be found.
	nothing bool
	// low and high bound the places in the list, both included.
	low, high int64
	// since and until bound the time of acceptance, in milliseconds.
	since, until int64
	// after is the place that the page begins after. Nil is the start.
	after *place
	order order
}

// order is how a list is sorted.
type order struct {
	// column of jobs; ord for the order of the list itself. Jobs that have 0 there are
	// left out: they have not ended.
	column string
	oldest bool // from low to high
}

var orders = map[api.JobSort]order{
	api.SortNewest:   {column: "ord"},
	api.SortOldest:   {column: "ord", oldest: true},
	api.SortUpdated:  {column: "seq"},
	api.SortFinished: {column: "finished"},
	api.SortDuration: {column: "took"},
}

// newFilter reads a query. Fault: http.bad_request for a cursor that is none.
func newFilter(tenant string, q api.JobQuery) (*filter, error) {
	if q.Limit <= 0 {
		q.Limit = api.DefaultLimit
	}
	q.Limit = min(q.Limit, api.MaxLimit)
	if _, known := orders[q.Sort]; !known {
		q.Sort = api.SortNewest
	}
	tenant, q.Pipeline = clean(tenant), clean(q.Pipeline)
	q.States = slices.Clone(q.States)
	for i, s := range q.States {
		q.States[i] = events.JobState(clean(string(s)))
	}
	f := &filter{tenant: tenant, q: q, order: orders[q.Sort], high: math.MaxInt64, until: math.MaxInt64}
	for _, name := range sortedKeys(q.Labels) {
		f.marks = append(f.marks, mark(tenant, markLabel, name, q.Labels[name]))
	}
	if q.Fault != "" {
		f.marks = append(f.marks, mark(tenant, markCode, q.Fault, ""))
	}
	if q.Class != "" {
		f.marks = append(f.marks, mark(tenant, markClass, q.Class, ""))
	}
	f.words = parseSearch(q.Search)
	f.nothing = q.Search != "" && len(f.words) == 0
	if !q.Since.IsZero() {
		f.since, f.low = ceilMillis(q.Since), ordAt(q.Since.Unix())
	}
	if !q.Until.IsZero() {
		f.until, f.high = ceilMillis(q.Until), ordAt(q.Until.Unix()+1)
	}
	if q.Cursor == "" {
		return f, nil
	}
	at, err := parseCursor(q.Sort, q.Cursor)
	f.after = &at
	return f, err
}

// clean makes a text one that a column can hold. What it has to do so for is the name
// of nothing.
func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// ceilMillis is a time in milliseconds, rounded up: what is stored is rounded down,
// and a bound between two milliseconds is the later one.
func ceilMillis(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		ms++
	}
	return max(ms, 0)
}

// compare puts places in the order of the filter.
func (f *filter) compare(a, b place) int {
	switch {
	case a == b:
		return 0
	case a.before(b) != f.order.oldest:
		return -1
	}
	return 1
}

// direction of the order in a statement.
func (o order) direction() string {
	if o.oldest {
		return "ASC"
	}
	return "DESC"
}

// byPlace reports whether the order is that of the list itself.
func (o order) byPlace() bool { return o.column == "ord" }

// placeRange is a condition on the place in the list, from the bounds of time and,
// in the order of the list, the place before.
func (f *filter) placeRange(column string) (string, []any) {
	low, high := f.low, f.high
	if f.after != nil && f.order.byPlace() {
		if f.order.oldest {
			low = max(low, f.after.ord+1)
		} else {
			high = min(high, f.after.ord-1)
		}
	}
	return column + " >= ? AND " + column + " <= ?", []any{low, high}
}
