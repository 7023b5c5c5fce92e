package api

import (
	"net/url"
	"slices"
	"time"
	"unicode/utf8"
)

// AuditOutcome is what came of something that was done.
type AuditOutcome string

// Outcomes of what was done.
const (
	// AuditBegun is what nobody knows the end of: it goes on, or its end was not kept.
	AuditBegun AuditOutcome = "begun"
	// AuditDone was done, or handed on to those who do it.
	AuditDone AuditOutcome = "done"
	// AuditFailed was refused or broke. Code says more; after a timeout it may have been
	// done.
	AuditFailed AuditOutcome = "failed"
)

// AuditOutcomes lists the outcomes of what was done.
func AuditOutcomes() []AuditOutcome { return []AuditOutcome{AuditBegun, AuditDone, AuditFailed} }

// AuditEntry says who decided or changed what, and why.
type AuditEntry struct {
	// ID is that of the deed.
	ID string `json:"id"`
	// Time is when it began.
	Time time.Time `json:"time"`
	// Tenant is whose it was, or with Mill the tenant that the request named.
	Tenant string `json:"tenant"`
	// Mill is true for what belongs to no tenant.
	Mill bool `json:"mill,omitempty"`
	// By is who: "key:ID/NAME", "oidc:SUBJECT", "local"; or what they say of themselves
	// where nobody asks.
	By string `json:"by"`
	// Action is what, such as "job.cancel" or "webhook.rotate".
	Action string `json:"action"`
	// Target is what it was done to: an id or a name.
	Target string `json:"target,omitempty"`
	// Detail is a word on what exactly: the choice of a decision, the verb of an
	// operation, the members that were changed.
	Detail string `json:"detail,omitempty"`
	// Reason is why, as they say.
	Reason string `json:"reason,omitempty"`
	// Request is the id of the request.
	Request string       `json:"request"`
	Outcome AuditOutcome `json:"outcome"`
	// Code is that of the fault of what failed.
	Code string `json:"code,omitempty"`
}

// AuditPage is the answer of GET /v1/audit, newest first.
type AuditPage struct {
	Entries []AuditEntry `json:"entries"`
	// NextCursor asks for the entries before these. Empty means that there are none.
	NextCursor string `json:"next_cursor,omitempty"`
}

// AuditQuery says which entries of the audit to list.
type AuditQuery struct {
	// By is who. Empty means everybody.
	By string
	// Action is what: all of it, or what it begins with, such as "webhook". Empty means
	// everything.
	Action string
	// Target is what it was done to. Empty means anything.
	Target string
	// Outcome is what came of it. Empty means all.
	Outcome AuditOutcome
	// Since and Until bound the time. Zero means no bound.
	Since, Until time.Time
	// Limit is the size of a page: 1 to 500, zero means 50.
	Limit int
	// Cursor is the NextCursor of the page before. Empty means the first page.
	Cursor string
}

// Values returns the query as it is written in a URL. [ParseAuditQuery] reads it.
func (q AuditQuery) Values() url.Values {
	return written(map[string]string{
		"by": q.By, "action": q.Action, "target": q.Target, "outcome": string(q.Outcome),
		"since": timeText(q.Since), "until": timeText(q.Until), "cursor": q.Cursor,
	}, q.Limit)
}

// ParseAuditQuery reads the query of GET /v1/audit: by, action, target, outcome, since,
// until, limit, cursor. Anything else is refused with fault http.bad_request.
func ParseAuditQuery(v url.Values) (AuditQuery, error) {
	var q AuditQuery
	if err := once(v, q.set); err != nil {
		return AuditQuery{}, err
	}
	return q, nil
}

func (q *AuditQuery) set(name, value string) (err error) {
	switch name {
	case "by", "action", "target":
		if len(value) > maxAuditText || !utf8.ValidString(value) {
			return badQuery("%s is not a text of at most %d bytes", name, maxAuditText)
		}
		*map[string]*string{"by": &q.By, "action": &q.Action, "target": &q.Target}[name] = value
	case "outcome":
		if q.Outcome = AuditOutcome(value); !slices.Contains(AuditOutcomes(), q.Outcome) {
			return badQuery("there is no outcome %q; there are %q", value, AuditOutcomes())
		}
	case "since":
		err = parseTime(name, value, &q.Since)
	case "until":
		err = parseTime(name, value, &q.Until)
	case "limit":
		q.Limit, err = pageLimit(value)
	case "cursor":
		q.Cursor = value
	default:
		return badQuery("there is no filter %q; there are by, action, target, outcome, since, until, limit and cursor", name)
	}
	return err
}

// maxAuditText is how long a filter of the audit may be, in bytes.
const maxAuditText = 512
