package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// bury stores dead letters of submissions, as the conductor's consumer does.
func bury(t *testing.T, w *gatewaytest.World, payloads ...string) {
	t.Helper()
	buryFor(t, w, "default", payloads...)
}

// buryFor stores dead letters of a tenant.
func buryFor(t *testing.T, w *gatewaytest.World, tenant string, payloads ...string) {
	t.Helper()
	for i, payload := range payloads {
		data, err := json.Marshal(events.DeadLetter{
			Consumer: events.ConsumerIntake, Stream: events.StreamIntake, Sequence: uint64(i + 1),
			Subject: events.SubmitSubject(tenant, "keep"), Code: "submit.invalid", Reason: "no",
			Headers: map[string][]string{"Authorization": {"Bearer x"}},
			Data:    []byte(payload), Size: int64(len(payload)), Time: time.Now().UTC(),
		})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Conn.Publish(t.Context(), bus.Out{
			Subject: events.DeadSubject(events.ConsumerIntake, tenant), Data: data,
			ID: events.LetterID(events.StreamIntake, uint64(i+1), time.Unix(int64(i), 0)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDeadLettersOverHTTP(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	u := w.URL + "/v1/deadletters"
	var page api.DeadLetterPage
	a := ask(t, "GET", u, nil)
	a.into(t, 200, &page)
	same(t, "no letters", string(a.body), `{"deadletters":[]}`)

	bury(t, w, "rubbish", `{"files":[{"inline":"eA=="}],"key":"k"}`, "spam")
	a = ask(t, "GET", u+"?limit=2&code=submit.invalid&state=open", nil)
	a.into(t, 200, &page)
	same(t, "letters", len(page.DeadLetters), 2)
	if link := a.Header.Get("Link"); !strings.Contains(link, "cursor=") || !strings.Contains(link, "state=open") {
		t.Errorf("link %q", link)
	}
	ask(t, "GET", u+"?colour=red", nil).problem(t, 400, "http.bad_request")
	ask(t, "GET", u+"/99", nil).problem(t, 404, "deadletter.not_found")
	ask(t, "GET", u+"/1", nil, "Millrace-Tenant", "other").problem(t, 404, "deadletter.not_found")

	var l api.DeadLetter
	a = ask(t, "GET", u+"/1", nil)
	a.into(t, 200, &l)
	same(t, "payload", l.Text, "rubbish")
	same(t, "etag", a.Header.Get("ETag"), `"0"`)
	if strings.Contains(string(a.body), "Bearer") {
		t.Errorf("a credential is shown: %s", a.body)
	}

	redrive := func(id, body string, headers ...string) answer {
		return ask(t, "POST", u+"/"+id+"/redrive", strings.NewReader(body),
			append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	if p := redrive("1", "").problem(t, 422, "deadletter.invalid"); len(p.Errors) == 0 {
		t.Errorf("no complaints: %+v", p)
	}
	redrive("1", `{"date":{}}`).problem(t, 400, "http.bad_request")
	redrive("1", `{"data":{"files":[]}}`).problem(t, 422, "deadletter.invalid")
	const edited = `{"reason":"mended","data":{"files":[{"inline":"eA=="}],"key":"k1"}}`
	redrive("1", edited, "If-Match", `"7"`).problem(t, 412, "deadletter.stale_revision")
	redrive("1", edited, "If-Match", "soon").problem(t, 400, "http.bad_request")
	a = redrive("1", edited, "Idempotency-Key", `"one"`, "If-Match", `"0"`)
	a.into(t, 202, &l)
	if l.State != api.DeadRedriven || l.Done.Reason != "mended" || l.Done.Job != events.JobID("default", "k1") {
		t.Errorf("%+v %+v", l, l.Done)
	}
	a = redrive("1", edited, "Idempotency-Key", "one")
	a.into(t, 200, &l)
	same(t, "replayed", a.Header.Get("Idempotency-Replayed"), "true")
	redrive("1", edited, "Idempotency-Key", "two").problem(t, 409, "deadletter.settled")

	redrive("2", "").into(t, 202, &l)
	eventually(t, "both are submitted", func() error {
		if n := len(w.Conductor.Submissions()); n != 2 {
			return fmt.Errorf("%d submissions", n)
		}
		return nil
	})

	ask(t, "DELETE", u+"/3", nil).problem(t, 428, "deadletter.no_reason")
	ask(t, "DELETE", u+"/3?reason="+strings.Repeat("x", 1025), nil).problem(t, 400, "http.bad_request")
	ask(t, "DELETE", u+"/3?reason=spam", nil).into(t, 200, &l)
	same(t, "state", l.State, api.DeadDropped)
	ask(t, "DELETE", u+"/3?reason=again", nil).into(t, 200, &l)
	same(t, "reason", l.Done.Reason, "spam")
	ask(t, "DELETE", u+"/1?reason=late", nil).problem(t, 409, "deadletter.settled")
}
