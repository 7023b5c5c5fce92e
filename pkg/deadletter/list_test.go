package deadletter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/deadletter"
	"github.com/millrace/millrace/pkg/fault"
)

func codeOf(s string) fault.Code { return fault.Code(s) }

func ids(p api.DeadLetterPage) []string {
	out := []string{}
	for _, l := range p.DeadLetters {
		out = append(out, l.ID)
	}
	return out
}

func (w *world) list(tenant string, q api.DeadLetterQuery) api.DeadLetterPage {
	w.t.Helper()
	p, err := w.store.List(w.t.Context(), tenant, q)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestListsNewestFirstByFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same(t, "nothing", ids(w.list("default", api.DeadLetterQuery{})), []string{})
	subject := events.SubmitSubject("default", "p")
	for i := range 10 {
		l := events.DeadLetter{Sequence: uint64(i + 1), Subject: subject, Code: "submit.invalid", Data: []byte("x")}
		if i%2 == 1 {
			l.Consumer, l.Code = events.ConsumerOutcomes, "bus.undecodable"
		}
		w.bury("default", l)
	}
	w.bury("other", events.DeadLetter{Sequence: 99, Subject: subject, Code: "submit.invalid"})

	first := w.list("default", api.DeadLetterQuery{Limit: 4})
	same(t, "first page", ids(first), []string{"10", "9", "8", "7"})
	// What comes in between is on no later page.
	w.bury("default", events.DeadLetter{Sequence: 100, Subject: subject, Code: "submit.invalid"})
	second := w.list("default", api.DeadLetterQuery{Limit: 4, Cursor: first.NextCursor})
	same(t, "second page", ids(second), []string{"6", "5", "4", "3"})
	third := w.list("default", api.DeadLetterQuery{Limit: 4, Cursor: second.NextCursor})
	same(t, "third page", ids(third), []string{"2", "1"})
	same(t, "no further page", third.NextCursor, "")

	same(t, "by consumer", ids(w.list("default", api.DeadLetterQuery{Consumer: events.ConsumerOutcomes})),
		[]string{"10", "8", "6", "4", "2"})
	same(t, "by code", ids(w.list("default", api.DeadLetterQuery{Code: "submit.invalid"})),
		[]string{"12", "9", "7", "5", "3", "1"})
	same(t, "since then", ids(w.list("default", api.DeadLetterQuery{Since: time.Now().Add(time.Hour)})), []string{})
	same(t, "another tenant's", ids(w.list("other", api.DeadLetterQuery{})), []string{"11"})

	if _, err := w.store.Drop(t.Context(), "default", "9", deadletter.Order{Reason: "spam"}); err != nil {
		t.Fatal(err)
	}
	same(t, "dropped", ids(w.list("default", api.DeadLetterQuery{State: api.DeadDropped})), []string{"9"})
	same(t, "open", ids(w.list("default", api.DeadLetterQuery{State: api.DeadOpen, Code: "submit.invalid"})),
		[]string{"12", "7", "5", "3", "1"})
	if _, err := w.store.List(t.Context(), "default", api.DeadLetterQuery{Cursor: "x"}); !fault.Has(err, fault.HTTPBadRequest) {
		t.Errorf("a cursor of nothing: %v", err)
	}
}

// A page is found behind many letters of others, and every letter is seen once.
func TestListReachesFarBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	subject := events.SubmitSubject("default", "p")
	w.bury("rare", events.DeadLetter{Sequence: 1, Subject: subject, Code: "submit.invalid"})
	var outs []bus.Out
	for i := range 1500 {
		outs = append(outs, bus.Out{
			Subject: events.DeadSubject("c", "default"), ID: fmt.Sprint(i),
			Data: []byte(`{"subject":"` + subject + `","code":"submit.invalid"}`),
		})
	}
	if err := w.conn.Publish(t.Context(), outs...); err != nil {
		t.Fatal(err)
	}
	w.bury("rare", events.DeadLetter{Sequence: 2, Subject: subject, Code: "submit.invalid"})
	same(t, "the rare tenant's", ids(w.list("rare", api.DeadLetterQuery{})), []string{"1502", "1"})

	seen := map[string]bool{}
	err := w.store.Each(t.Context(), "default", api.DeadLetterQuery{}, func(id string) error {
		if seen[id] {
			t.Errorf("letter %s is seen twice", id)
		}
		seen[id] = true
		return nil
	})
	if err != nil || len(seen) != 1500 {
		t.Errorf("%d letters, %v", len(seen), err)
	}
	none := w.list("default", api.DeadLetterQuery{Code: "submit.too_large"})
	pages := 1
	for ; none.NextCursor != ""; pages++ {
		none = w.list("default", api.DeadLetterQuery{Code: "submit.too_large", Cursor: none.NextCursor})
	}
	if len(none.DeadLetters) != 0 || pages > 3 {
		t.Errorf("%d pages, the last with %v", pages, ids(none))
	}
}

func TestGetShowsPayloadAndMasksCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bury("default", events.DeadLetter{
		Sequence: 7, Subject: events.ControlSubject("default", "j1"), Code: "bus.undecodable",
		Reason: "not JSON", Hint: "mend it", Data: []byte("hello\n"),
		Consumer: events.ConsumerControl, Stream: events.StreamControl,
		Headers: map[string][]string{
			"Content-Type": {"text/plain"}, "Authorization": {"x"}, "X-Api-Key": {"y", "z"},
			"set_cookie": {"c"}, "Via": {"Bearer abc"}, "From": {"https://ann:pw@example.org/a"},
			"Link": {"https://example.org/@ann"},
		},
	})
	w.bury("default", events.DeadLetter{
		Sequence: 8, Subject: "orders.new", Code: "bus.undecodable", Data: []byte{0xff, 0}, Size: 1 << 20,
	})
	got, err := w.store.Get(t.Context(), "default", "1")
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "hello\n" || got.Data != nil || got.State != api.DeadOpen || got.Job != "j1" ||
		got.Stream != events.StreamControl || got.Sequence != 7 || got.Hint != "mend it" || got.Revision != 0 {
		t.Errorf("%+v", got)
	}
	same(t, "headers", got.Headers, map[string][]string{
		"Content-Type": {"text/plain"}, "Authorization": {deadletter.Mask},
		"X-Api-Key": {deadletter.Mask, deadletter.Mask}, "set_cookie": {deadletter.Mask},
		"Via": {deadletter.Mask}, "From": {deadletter.Mask}, "Link": {"https://example.org/@ann"},
	})
	got, err = w.store.Get(t.Context(), "default", "2")
	if err != nil || got.Text != "" || string(got.Data) != "\xff\x00" || !got.Cut {
		t.Errorf("%+v %v", got, err)
	}
	for tenant, id := range map[string]string{"default": "99", "other": "1", "third": "x", "fourth": "0", "fifth": "-1"} {
		if _, err := w.store.Get(t.Context(), tenant, id); !fault.Has(err, fault.DeadletterNotFound) {
			t.Errorf("letter %s of %s: %v", id, tenant, err)
		}
	}
}
