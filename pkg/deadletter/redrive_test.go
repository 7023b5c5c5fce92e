package deadletter_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/deadletter"
	"github.com/millrace/millrace/pkg/fault"
)

const submission = `{"key":"k1","files":[{"inline":"aGVsbG8K","name":"a.txt"}]}`

// submitted buries a submission that a consumer refused.
func (w *world) submitted(payload string, headers map[string][]string) {
	w.t.Helper()
	w.bury("default", events.DeadLetter{
		Sequence: 42, Subject: events.SubmitSubject("default", "p"), Code: "pipeline.not_found",
		Data: []byte(payload), Headers: headers,
	})
}

func TestRedrivePublishesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	subject := events.SubmitSubject("default", "p")
	w.submitted(submission, map[string][]string{
		events.HeaderMsgID: {"m1"}, "Content-Type": {"application/json"}, events.HeaderReplyTo: {"_INBOX.a"},
		"Nats-Rollup": {"all"}, "traceparent": {"00-1"},
	})
	order := deadletter.Order{By: "ann", Reason: "the pipeline is there now", Key: "key"}
	got, again, err := w.store.Redrive(t.Context(), "default", "1", order)
	if err != nil || again {
		t.Fatalf("%v %v", again, err)
	}
	if got.State != api.DeadRedriven || got.Done == nil || got.Done.By != "ann" ||
		got.Done.Job != events.JobID("default", "k1") || !strings.HasPrefix(got.Done.As, "redrive/1/") {
		t.Errorf("%+v %+v", got, got.Done)
	}
	list := w.inside(events.StreamIntake, subject)
	if len(list) != 1 || string(list[0].Data) != submission || list[0].ID != got.Done.As {
		t.Fatalf("published: %+v", list)
	}
	same(t, "headers", list[0].Header, map[string]string{
		"Content-Type": "application/json", "traceparent": "00-1", events.HeaderMsgID: got.Done.As,
	})
	// Repeated with the same key, with none, and with the revision that it was
	// begun at, it is the same redrive.
	zero := uint64(0)
	for _, o := range []deadletter.Order{order, {}, {Revision: &zero}, {Revision: &got.Revision}} {
		same, again, err := w.store.Redrive(t.Context(), "default", "1", o)
		if err != nil || !again || same.Revision != got.Revision {
			t.Errorf("repeated with %+v: %+v %v %v", o, same, again, err)
		}
	}
	// Anything else is another one, and too late.
	for _, o := range []deadletter.Order{{Key: "other"}, {Data: []byte(`{"key":"k1","files":[{"inline":"eA=="}]}`)}} {
		if _, _, err := w.store.Redrive(t.Context(), "default", "1", o); !fault.Has(err, fault.DeadletterSettled) {
			t.Errorf("redriven again with %+v: %v", o, err)
		}
	}
	if _, err := w.store.Drop(t.Context(), "default", "1", deadletter.Order{Reason: "no"}); !fault.Has(err, fault.DeadletterSettled) {
		t.Errorf("dropped after it was redriven: %v", err)
	}
	same(t, "messages", len(w.inside(events.StreamIntake, subject)), 1)
}

func TestRedriveAtTheSameTimeIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submitted(submission, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	revisions := map[uint64]bool{}
	for range 8 {
		wg.Go(func() {
			l, _, err := deadletter.New(w.conn).Redrive(t.Context(), "default", "1", deadletter.Order{})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			revisions[l.Revision] = true
		})
	}
	wg.Wait()
	same(t, "revisions", len(revisions), 1)
	// Within the stream's window for duplicates, and one key in any case.
	for _, m := range w.inside(events.StreamIntake, events.SubmitSubject("default", "p")) {
		same(t, "payload", string(m.Data), submission)
	}
}

// A redriven submission keeps what stands for its job, wherever that was.
func TestRedriveKeepsTheIdempotencyKey(t *testing.T) {
	t.Parallel()
	const plain, keyed = `{"files":[{"inline":"eA=="}]}`, `{"files":[{"inline":"eA=="}],"key":"m1"}`
	id := map[string][]string{events.HeaderMsgID: {"m1"}}
	place := events.Place(42, at)
	for name, c := range map[string]struct {
		payload string
		headers map[string][]string
		data    string
		want    string // the payload
		place   string
		code    fault.Code
	}{
		"its own":                {payload: submission, headers: id, want: submission},
		"its own, left out":      {payload: submission, data: `{"files":[{"inline":"eA=="}]}`, want: `{"files":[{"inline":"eA=="}],"key":"k1"}`},
		"another one":            {payload: submission, data: `{"files":[{"inline":"eA=="}],"key":"k2"}`, code: fault.DeadletterKeyChanged},
		"the message's":          {payload: plain, headers: id, want: keyed},
		"the message's, said":    {payload: plain, headers: id, data: keyed, want: keyed},
		"not the message's":      {payload: plain, headers: id, data: submission, code: fault.DeadletterKeyChanged},
		"its place":              {payload: plain, want: plain, place: place},
		"its first place":        {payload: plain, headers: map[string][]string{events.HeaderPlace: {"9/9"}, events.HeaderMsgID: {"redrive/1"}}, want: plain, place: "9/9"},
		"a key for a place":      {payload: plain, data: submission, code: fault.DeadletterKeyChanged},
		"one that nobody read":   {payload: "rubbish", headers: id, data: submission, want: submission},
		"rubbish, the message's": {payload: "rubbish", headers: id, data: plain, want: keyed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.submitted(c.payload, c.headers)
			_, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Data: []byte(c.data)})
			list := w.inside(events.StreamIntake, events.SubmitSubject("default", "p"))
			if c.code != "" {
				if !fault.Has(err, c.code) || len(list) != 0 {
					t.Errorf("%v, %d messages", err, len(list))
				}
				return
			}
			if err != nil || len(list) != 1 {
				t.Fatalf("%v, %d messages", err, len(list))
			}
			same(t, "payload", string(list[0].Data), c.want)
			same(t, "place", list[0].Header[events.HeaderPlace], c.place)
		})
	}
}

func TestRedriveValidatesAgainstTheDoor(t *testing.T) {
	t.Parallel()
	task := `{"job":"j","tenant":"default","pipeline":{"name":"p","digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"},"step":"s","stage":"hash@1","attempt":1,"revision":3}`
	timer := `{"job":"j","tenant":"default","step":"s","attempt":2}`
	for name, c := range map[string]struct {
		subject, data string
		code          fault.Code
	}{
		"submission":           {events.SubmitSubject("default", "p"), submission, ""},
		"no submission":        {events.SubmitSubject("default", "p"), `{"files":[]}`, fault.DeadletterInvalid},
		"not JSON":             {events.SubmitSubject("default", "p"), `{`, fault.DeadletterInvalid},
		"task":                 {events.WorkSubject("hash", "default", "j", "s"), task, ""},
		"undo":                 {events.UndoSubject("hash", "default", "j", "s"), task, ""},
		"task of another step": {events.WorkSubject("hash", "default", "j", "t"), task, fault.DeadletterInvalid},
		"of another stage":     {events.WorkSubject("pack", "default", "j", "s"), task, fault.DeadletterInvalid},
		"another tenant's":     {events.WorkSubject("hash", "other", "j", "s"), task, fault.DeadletterNoDoor},
		"timer":                {events.DueSubject("default", "j"), timer, ""},
		"timer of another job": {events.DueSubject("default", "k"), timer, fault.DeadletterInvalid},
		"command":              {events.ControlSubject("default", "j"), `{"verb":"retry"}`, ""},
		"no command":           {events.ControlSubject("default", "j"), `{"verb":"sing"}`, fault.DeadletterInvalid},
		"outcome":              {events.OutcomeSubject("hash", "default", "j", "s"), `{}`, fault.DeadletterInvalid},
		"no door":              {"orders.new", `{}`, fault.DeadletterNoDoor},
		"events are no door":   {events.EventSubject("default", "p", "j", "job"), `{}`, fault.DeadletterNoDoor},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.bury("default", events.DeadLetter{Sequence: 1, Subject: c.subject, Code: "x.y", Data: []byte("rubbish")})
			_, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Data: []byte(c.data)})
			if c.code == "" && err != nil || c.code != "" && !fault.Has(err, c.code) {
				t.Fatalf("%v, want %q", err, c.code)
			}
			var all *deadletter.Invalid
			if c.code == fault.DeadletterInvalid && (!errors.As(err, &all) || len(all.ProblemErrors()) == 0) {
				t.Errorf("%v names nothing", err)
			}
			l, err := w.store.Get(t.Context(), "default", "1")
			want := api.DeadRedriven
			if c.code != "" {
				want = api.DeadOpen
			}
			if err != nil || l.State != want {
				t.Errorf("the letter is %s: %v", l.State, err)
			}
		})
	}
}

func TestCutLettersNeedTheirPayload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bury("default", events.DeadLetter{
		Sequence: 1, Subject: events.SubmitSubject("default", "p"), Code: "x.y",
		Data: []byte(submission[:20]), Size: int64(len(submission)),
	})
	if _, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{}); !fault.Has(err, fault.DeadletterCut) {
		t.Errorf("a part was redriven: %v", err)
	}
	l, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Data: []byte(submission)})
	if err != nil || string(l.Done.Data) != submission {
		t.Errorf("%+v %v", l, err)
	}
}

func TestDroppedLettersCanBeRedriven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submitted(submission, nil)
	if _, err := w.store.Drop(t.Context(), "default", "1", deadletter.Order{}); !fault.Has(err, fault.DeadletterNoReason) {
		t.Errorf("without a reason: %v", err)
	}
	l, err := w.store.Drop(t.Context(), "default", "1", deadletter.Order{Reason: "spam", By: "ann"})
	if err != nil || l.State != api.DeadDropped || l.Done.Reason != "spam" || l.Done.By != "ann" {
		t.Fatalf("%+v %v", l, err)
	}
	again, err := w.store.Drop(t.Context(), "default", "1", deadletter.Order{Reason: "other"})
	if err != nil || again.Revision != l.Revision || again.Done.Reason != "spam" {
		t.Errorf("%+v %v", again, err)
	}
	zero := uint64(0)
	if _, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Revision: &zero}); !fault.Has(err, fault.DeadletterStaleRevision) {
		t.Errorf("with the revision of before: %v", err)
	}
	if l, _, err = w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Revision: &l.Revision}); err != nil || l.State != api.DeadRedriven {
		t.Errorf("%+v %v", l, err)
	}
}

// What a consumer really stores can be redriven, and is then what it was.
func TestRedriveOfWhatAConsumerRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	subject := events.SubmitSubject("default", "p")
	w.reject(events.StreamIntake, events.ConsumerIntake, "pipeline.not_found", bus.Out{
		Subject: subject, ID: "m1", Data: []byte(`{"files":[{"inline":"eA=="}]}`),
		Header: map[string]string{"X-Token": "t"},
	})
	page := w.list("default", api.DeadLetterQuery{Code: "pipeline.not_found", Consumer: events.ConsumerIntake})
	same(t, "letters", ids(page), []string{"1"})
	l, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{})
	if err != nil || l.Headers["X-Token"][0] != deadletter.Mask {
		t.Fatalf("%+v %v", l, err)
	}
	list := w.inside(events.StreamIntake, subject)
	if len(list) != 1 || list[0].Header["X-Token"] != "t" {
		t.Fatalf("published: %+v", list)
	}
	same(t, "payload", string(list[0].Data), `{"files":[{"inline":"eA=="}],"key":"m1"}`)
}

// A redrive of which nobody knows how it ended is finished by the next one, with the
// same message. So is one whose process died: it leaves the same mark.
func TestRedriveIsFinishedByTheNextOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submitted("rubbish", nil)
	edited := deadletter.Order{Data: []byte(submission), Key: "k"}
	w.withJetStream(func(js jetstream.JetStream) error {
		return js.DeleteStream(t.Context(), events.StreamIntake)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := w.store.Redrive(ctx, "default", "1", edited); err == nil {
		t.Fatal("redriven to nowhere")
	}
	l, err := w.store.Get(t.Context(), "default", "1")
	if err != nil || l.State != api.DeadRedriving || l.Done.As == "" {
		t.Fatalf("%+v %v", l, err)
	}
	if err := w.conn.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	// Other data is refused, but for somebody who has seen what was begun.
	other := `{"files":[{"inline":"eA=="}],"key":"k1"}`
	if _, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Data: []byte(other)}); !fault.Has(err, fault.DeadletterSettled) {
		t.Errorf("with other data: %v", err)
	}
	if _, err := w.store.Drop(t.Context(), "default", "1", deadletter.Order{Reason: "no"}); !fault.Has(err, fault.DeadletterSettled) {
		t.Errorf("dropped: %v", err)
	}
	// Whoever finishes it need not have the data.
	done, again, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{})
	if err != nil || again || done.State != api.DeadRedriven || done.Done.As != l.Done.As {
		t.Fatalf("%+v %v %v", done, again, err)
	}
	list := w.inside(events.StreamIntake, events.SubmitSubject("default", "p"))
	if len(list) != 1 || string(list[0].Data) != submission {
		t.Errorf("published: %+v", list)
	}
	if _, again, err = w.store.Redrive(t.Context(), "default", "1", edited); err != nil || !again {
		t.Errorf("the first request repeated: %v %v", again, err)
	}
}

// Data that nobody has any more gives way to other data, for who states the revision.
func TestRedriveTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submitted("rubbish", nil)
	w.withJetStream(func(js jetstream.JetStream) error {
		return js.DeleteStream(t.Context(), events.StreamIntake)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := w.store.Redrive(ctx, "default", "1", deadletter.Order{Data: []byte(submission)}); err == nil {
		t.Fatal("redriven to nowhere")
	}
	if err := w.conn.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	l, err := w.store.Get(t.Context(), "default", "1")
	if err != nil {
		t.Fatal(err)
	}
	other := []byte(`{"files":[{"inline":"eA=="}],"key":"k2"}`)
	l, _, err = w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Data: other, Revision: &l.Revision})
	if err != nil || l.State != api.DeadRedriven || string(l.Done.Data) != string(other) {
		t.Errorf("%+v %v", l, err)
	}
}

// An intake that is full leaves the letter open, and another try takes it.
func TestRefusedMessageLeavesTheLetterOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submitted(submission, nil)
	w.intakeTakes(1)
	other := bus.Out{Subject: events.SubmitSubject("default", "q"), ID: "other", Data: []byte("x")}
	if err := w.conn.Publish(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.store.Redrive(t.Context(), "default", "1", deadletter.Order{}); !fault.Has(err, fault.BusStoreFull) {
		t.Fatalf("into a full intake: %v", err)
	}
	l, err := w.store.Get(t.Context(), "default", "1")
	if err != nil || l.State != api.DeadOpen || l.Done != nil {
		t.Errorf("%+v %v", l, err)
	}
	w.intakeTakes(10)
	if l, _, err = w.store.Redrive(t.Context(), "default", "1", deadletter.Order{Data: []byte(`{"files":[{"inline":"eA=="}]}`)}); err != nil {
		t.Fatal(err)
	}
	same(t, "state", l.State, api.DeadRedriven)
}
