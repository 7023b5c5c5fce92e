package gateway

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/deadletter"
	"github.com/millrace/millrace/pkg/fault"
)

// getDeadLetters answers with a page of dead letters.
func (g *Gateway) getDeadLetters(x *exchange) error {
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return badRequest("the query is malformed")
	}
	q, err := api.ParseDeadLetterQuery(values)
	if err != nil {
		return err
	}
	page, err := g.dead.List(x.r.Context(), x.tenant, q)
	if err != nil {
		return err
	}
	if page.NextCursor != "" {
		q.Cursor = page.NextCursor
		x.w.Header().Add("Link", "</v1/deadletters?"+q.Values().Encode()+`>; rel="next"`)
	}
	return x.json(http.StatusOK, page)
}

// getDeadLetter answers with a dead letter, its payload and its headers.
func (g *Gateway) getDeadLetter(x *exchange) error {
	l, err := g.dead.Get(x.r.Context(), x.tenant, x.r.PathValue("id"))
	if err != nil {
		return err
	}
	return x.deadLetter(http.StatusOK, l)
}

// postRedrive publishes the message of a dead letter again. It answers 202 when it
// did, and 200 when the same request has done it before.
func (g *Gateway) postRedrive(x *exchange) error {
	o, err := x.deadOrder()
	if err != nil {
		return err
	}
	if o.Key, err = headerKey(x.r.Header); err != nil {
		return err
	}
	detail := ""
	if len(o.Data) > 0 {
		detail = "edited"
	}
	if err := x.act(o.Reason, detail); err != nil {
		return err
	}
	l, again, err := g.dead.Redrive(x.r.Context(), x.tenant, x.r.PathValue("id"), o)
	if err != nil {
		return complaining(err)
	}
	if again {
		x.w.Header().Set(api.HeaderReplayed, "true")
		return x.deadLetter(http.StatusOK, l)
	}
	g.Log.Info("dead letter redriven", "tenant", x.tenant, "letter", l.ID, "subject", l.Subject, "reason", o.Reason)
	return x.deadLetter(http.StatusAccepted, l)
}

// deleteDeadLetter marks a dead letter as one that nothing is to be done about.
func (g *Gateway) deleteDeadLetter(x *exchange) error {
	o := deadletter.Order{By: x.by(""), Reason: x.r.URL.Query().Get("reason")}
	if err := checkReason(o.Reason); err != nil {
		return err
	}
	var err error
	if o.Revision, err = x.statedRevision(); err != nil {
		return err
	}
	if err := x.act(o.Reason, ""); err != nil {
		return err
	}
	l, err := g.dead.Drop(x.r.Context(), x.tenant, x.r.PathValue("id"), o)
	if err != nil {
		return err
	}
	g.Log.Info("dead letter dropped", "tenant", x.tenant, "letter", l.ID, "reason", o.Reason)
	return x.deadLetter(http.StatusOK, l)
}

// deadLetter answers with a dead letter.
func (x *exchange) deadLetter(status int, l api.DeadLetter) error {
	x.w.Header().Set("ETag", `"`+strconv.FormatUint(l.Revision, 10)+`"`)
	x.w.Header().Set("Cache-Control", "no-cache")
	return x.json(status, l)
}

// deadOrder reads the body of a redrive, which may be missing.
func (x *exchange) deadOrder() (o deadletter.Order, err error) {
	o.By = x.by("")
	if o.Revision, err = x.statedRevision(); err != nil {
		return o, err
	}
	data, err := x.readBody(maxJSON + maxCommand)
	if err != nil || len(data) == 0 {
		return o, err
	}
	if t := x.mediaType(); t != events.ContentTypeJSON {
		return o, fault.New(fault.HTTPUnsupportedMediaType, "send application/json, or no body", nil)
	}
	f, err := readFields(data)
	if err != nil {
		return o, badRequest("the body is not a JSON object")
	}
	for _, name := range f.names {
		if name != "data" && name != "reason" {
			return o, badRequest("there is no member " + strconv.Quote(name) + "; there are data and reason")
		}
	}
	o.Data = f.values["data"]
	if o.Reason, err = f.text("reason"); err != nil {
		return o, badRequest("reason is not a text")
	}
	return o, checkReason(o.Reason)
}

// checkReason refuses a reason that is too long to be kept.
func checkReason(reason string) error {
	if len(reason) > maxReason || !utf8.ValidString(reason) {
		return badRequest("reason is not a text of at most 1 KiB")
	}
	return nil
}

// statedRevision reads If-Match as the one revision that the request is about. Nil
// means any.
func (x *exchange) statedRevision() (*uint64, error) {
	tag := strings.TrimPrefix(strings.TrimSpace(x.r.Header.Get("If-Match")), "W/")
	if tag == "" || tag == "*" {
		return nil, nil
	}
	n, err := strconv.ParseUint(strings.Trim(tag, `"`), 10, 64)
	if err != nil {
		return nil, badRequest("If-Match is not the ETag of what was read")
	}
	return &n, nil
}
