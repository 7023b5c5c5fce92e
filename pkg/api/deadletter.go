package api

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/millrace/millrace/events"
)

// DeadState is what was done about a dead letter.
type DeadState string

// States of a dead letter.
const (
	// DeadOpen is a letter about which nothing was done yet.
	DeadOpen DeadState = "open"
	// DeadRedriving is one whose redrive was begun and not heard of since: the
	// process that did it died, or the broker did not answer. Redriving it again
	// finishes that.
	DeadRedriving DeadState = "redriving"
	// DeadRedriven is one whose message was published again.
	DeadRedriven DeadState = "redriven"
	// DeadDropped is one that somebody has decided to do nothing about. It can
	// still be redriven.
	DeadDropped DeadState = "dropped"
)

// DeadLetter is a message that no consumer could handle, and what was done about it.
type DeadLetter struct {
	// ID is its number among the dead letters.
	ID string `json:"id"`
	// Revision counts what was done about it; it is also the ETag. Zero means
	// nothing.
	Revision uint64    `json:"revision"`
	State    DeadState `json:"state"`
	// Consumer is who gave it up, Subject where it was published, and Stream and
	// Sequence where it was kept.
	Consumer string `json:"consumer"`
	Subject  string `json:"subject"`
	Stream   string `json:"stream"`
	Sequence uint64 `json:"sequence"`
	// Job is the job that it is about. It is empty for a submission, which was to
	// make one.
	Job    string `json:"job,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
	// Time is when it was given up.
	Time time.Time `json:"time"`
	// Size is the length of the payload in bytes. Cut is true when the letter holds
	// only the first 64 KiB of it.
	Size int64 `json:"size"`
	Cut  bool  `json:"cut,omitempty"`
	// Headers are those of the message; what looks like a credential is masked. A
	// list leaves them out, and the payload.
	Headers map[string][]string `json:"headers,omitempty"`
	// Text is the payload when it is text, and Data, in base64, when it is not.
	Text string `json:"text,omitempty"`
	Data []byte `json:"data,omitempty"`
	// Done is the last thing that was done about it.
	Done *DeadLetterDone `json:"done,omitempty"`
}

// DeadLetterDone is what somebody did about a dead letter.
type DeadLetterDone struct {
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	// As is the id of the message that was published again. Job is the job that a
	// submission makes, or has made before.
	As  string `json:"as,omitempty"`
	Job string `json:"job,omitempty"`
	// Data is the payload, when it is not the letter's own.
	Data json.RawMessage `json:"data,omitempty"`
}

// DeadLetterPage is the answer of GET /v1/deadletters.
type DeadLetterPage struct {
	DeadLetters []DeadLetter `json:"deadletters"`
	// NextCursor asks for the letters before these. Empty means that there are none.
	NextCursor string `json:"next_cursor,omitempty"`
}

// Redrive is the body of POST /v1/deadletters/{id}/redrive. It may be left out.
type Redrive struct {
	// Data is the payload to publish in place of the letter's: a JSON object.
	// Empty means the letter's own.
	Data json.RawMessage `json:"data,omitempty"`
	// Reason is kept with the letter; at most 1 KiB.
	Reason string `json:"reason,omitempty"`
}

// DeadLetterQuery says which dead letters to list, newest first. The zero value
// lists all.
type DeadLetterQuery struct {
	// Consumer is the durable consumer that gave them up. Empty means all.
	Consumer string
	// Code is the fault's. Empty means all.
	Code string
	// State is what was done about them. Empty means all.
	State DeadState
	// Since is when the oldest of them may have been given up. Zero means any time.
	Since time.Time
	// Limit is the size of a page: 1 to 500, zero means 50.
	Limit int
	// Cursor is the NextCursor of the page before. Empty means the first page.
	Cursor string
}

// DeadStates lists the states of a dead letter.
func DeadStates() []DeadState {
	return []DeadState{DeadOpen, DeadRedriving, DeadRedriven, DeadDropped}
}

// Values returns the query as it is written in a URL. [ParseDeadLetterQuery] reads
// it.
func (q DeadLetterQuery) Values() url.Values {
	return written(map[string]string{
		"consumer": q.Consumer, "code": q.Code, "state": string(q.State), "since": timeText(q.Since), "cursor": q.Cursor,
	}, q.Limit)
}

// ParseDeadLetterQuery reads the query of GET /v1/deadletters: consumer, code,
// state, since (RFC 3339), limit, cursor. Anything else is refused with fault
// http.bad_request.
func ParseDeadLetterQuery(v url.Values) (DeadLetterQuery, error) {
	var q DeadLetterQuery
	if err := once(v, q.set); err != nil {
		return DeadLetterQuery{}, err
	}
	return q, nil
}

func (q *DeadLetterQuery) set(name, value string) (err error) {
	switch name {
	case "consumer":
		if !events.ValidToken(value) {
			return badQuery("consumer %q is not 1 to 64 of a-z, 0-9, _ and -", value)
		}
		q.Consumer = value
	case "code":
		q.Code = value
	case "state":
		q.State = DeadState(value)
		for _, s := range DeadStates() {
			if q.State == s {
				return nil
			}
		}
		return badQuery("there is no state %q; there are open, redriving, redriven and dropped", value)
	case "since":
		if q.Since, err = time.Parse(time.RFC3339, value); err != nil {
			return badQuery("since %q is not a time like 2026-01-02T03:04:05Z", value)
		}
		q.Since = q.Since.UTC()
	case "limit":
		q.Limit, err = pageLimit(value)
		return err
	case "cursor":
		q.Cursor = value
	default:
		return badQuery("there is no filter %q; "+
			"there are consumer, code, state, since, limit and cursor", name)
	}
	return nil
}
