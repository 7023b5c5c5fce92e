package client_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
)

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	for i := range 2 {
		data, err := json.Marshal(events.DeadLetter{
			Consumer: events.ConsumerIntake, Stream: events.StreamIntake, Sequence: uint64(i + 1),
			Subject: events.SubmitSubject("default", "keep"), Code: "submit.invalid",
			Data: []byte("x<y"), Size: 3, Time: time.Now().UTC(),
		})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Conn.Publish(t.Context(), bus.Out{
			Subject: events.DeadSubject(events.ConsumerIntake, "default"), Data: data,
			ID: events.LetterID(events.StreamIntake, uint64(i+1), time.Unix(1, 0)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := c.DeadLetters(t.Context(), api.DeadLetterQuery{Limit: 1, State: api.DeadOpen})
	if err != nil || len(page.DeadLetters) != 1 || page.NextCursor == "" {
		t.Fatalf("%+v %v", page, err)
	}
	l, err := c.DeadLetter(t.Context(), "1")
	if err != nil || l.Text != "x<y" {
		t.Fatalf("%+v %v", l, err)
	}
	var p *client.Problem
	if _, err = c.Redrive(t.Context(), "1", client.Redriving{}); !fault.Has(err, fault.DeadletterInvalid) ||
		!errors.As(err, &p) || len(p.Errors) == 0 {
		t.Errorf("rubbish: %v", err)
	}
	if _, err = c.Redrive(t.Context(), "1", client.Redriving{Data: []byte("{")}); !fault.Has(err, fault.DeadletterInvalid) {
		t.Errorf("not JSON: %v", err)
	}
	mended := client.Redriving{
		Data: []byte(`{"files":[{"inline":"eA==","name":"<a>.txt"}],"key":"k"}`), Key: "one", Reason: "mended",
		Revision: &l.Revision,
	}
	for range 2 {
		l, err = c.Redrive(t.Context(), "1", mended)
		if err != nil || l.State != api.DeadRedriven {
			t.Fatalf("%+v %v", l, err)
		}
	}
	same(t, "job", l.Done.Job, events.JobID("default", "k"))
	if _, err = c.Redrive(t.Context(), "1", client.Redriving{Data: mended.Data}); !fault.Has(err, fault.DeadletterSettled) {
		t.Errorf("another redrive: %v", err)
	}
	if _, err = c.DropDeadLetter(t.Context(), "2", ""); !fault.Has(err, fault.DeadletterNoReason) {
		t.Errorf("no reason: %v", err)
	}
	if l, err = c.DropDeadLetter(t.Context(), "2", "spam & more"); err != nil || l.Done.Reason != "spam & more" {
		t.Errorf("%+v %v", l, err)
	}
}
