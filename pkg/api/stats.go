package api

import (
	"net/url"
	"time"

	"github.com/millrace/millrace/events"
)

// Spans of time of a trend.
const (
	ByHour = "hour"
	ByDay  = "day"
)

// Longest spans of time of a trend, so that it has no more than some thousand parts.
const (
	maxHours = 100 * 24 * time.Hour
	maxDays  = 10 * 366 * 24 * time.Hour
)

// StatsQuery says what numbers are about. The zero value means the last 24 hours by
// the hour, of all pipelines.
type StatsQuery struct {
	// Since and Until bound the time, to the hour: the hour of Since is the first, and
	// that of Until the last. Zero Until is now, zero Since a day before Until, or 30
	// days with By day.
	Since, Until time.Time
	// By is ByHour, also when empty, or ByDay. Days begin at midnight UTC.
	By string
	// Pipeline is the one it is about. Empty means all.
	Pipeline string
}

// Values returns the query as it is written in a URL. [ParseStatsQuery] reads it.
func (q StatsQuery) Values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{
		"since": timeText(q.Since), "until": timeText(q.Until), "by": q.By, "pipeline": q.Pipeline,
	} {
		if text != "" {
			v.Set(name, text)
		}
	}
	return v
}

// ParseStatsQuery reads the query of the routes below GET /v1/stats: since, until,
// by, pipeline. Anything else is refused with fault http.bad_request.
func ParseStatsQuery(v url.Values) (StatsQuery, error) {
	var q StatsQuery
	for name, values := range v {
		if len(values) != 1 {
			return StatsQuery{}, badQuery("%s is given %d times", name, len(values))
		}
		if err := q.set(name, values[0]); err != nil {
			return StatsQuery{}, err
		}
	}
	return q, nil
}

func (q *StatsQuery) set(name, value string) error {
	switch name {
	case "since":
		return parseTime(name, value, &q.Since)
	case "until":
		return parseTime(name, value, &q.Until)
	case "by":
		if value != ByHour && value != ByDay {
			return badQuery("by is hour or day, not %q", value)
		}
		q.By = value
	case "pipeline":
		if !events.ValidToken(value) {
			return badQuery("pipeline %q is not 1 to 64 of a-z, 0-9, _ and -", value)
		}
		q.Pipeline = value
	default:
		return badQuery("there is no filter %q; there are since, until, by and pipeline", name)
	}
	return nil
}

// Complete returns the query with everything said, at a time of day. Fault:
// http.bad_request for a span that is empty or has too many parts.
func (q StatsQuery) Complete(now time.Time) (StatsQuery, error) {
	longest, usual := maxHours, 24*time.Hour
	if q.By == "" {
		q.By = ByHour
	}
	if q.By == ByDay {
		longest, usual = maxDays, 30*24*time.Hour
	}
	if q.Until.IsZero() {
		q.Until = now.UTC()
	}
	if q.Since.IsZero() {
		q.Since = q.Until.Add(-usual)
	}
	switch span := q.Until.Sub(q.Since); {
	case span < 0:
		return q, badQuery("since is after until")
	case span > longest:
		return q, badQuery("since and until are more than %d days apart", longest/(24*time.Hour))
	}
	return q, nil
}
