package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/audit"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// world is an audit over a broker of its own.
type world struct {
	*audit.Log
	conn *bus.Conn
	t    *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := bustest.Conn(t)
	return &world{audit.New(c), c, t}
}

// keep appends an entry of tenant a.
func (w *world) keep(id string, o api.AuditOutcome) {
	w.t.Helper()
	err := w.Append(w.t.Context(), api.AuditEntry{
		ID: id, Time: time.Now().UTC(), Tenant: "a", By: "ann", Action: "webhook.rotate", Outcome: o,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// pages reads everything of tenant a, as "ID outcome".
func (w *world) pages(limit int) (all []string) {
	w.t.Helper()
	q := api.AuditQuery{Limit: limit}
	for {
		page, err := w.List(w.t.Context(), "a", q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range page.Entries {
			all = append(all, e.ID+" "+string(e.Outcome))
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return all
		}
	}
}

// TestADeedIsShownOnce keeps the beginning and the end of deeds that overlap, of which
// some never ended, and reads them by pages of every size.
func TestADeedIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep("one", api.AuditBegun)
	w.keep("killed", api.AuditBegun)
	w.keep("two", api.AuditBegun)
	w.keep("two", api.AuditFailed)
	w.keep("two", api.AuditFailed) // repeated, as after an answer that was lost
	w.keep("one", api.AuditDone)
	want := []string{"one done", "two failed", "killed begun"}
	for limit := 1; limit <= 4; limit++ {
		if d := cmp.Diff(want, w.pages(limit)); d != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, d)
		}
	}
	page, err := w.List(t.Context(), "b", api.AuditQuery{})
	if err != nil || len(page.Entries) != 0 {
		t.Errorf("of another tenant: %+v, %v", page, err)
	}
	if _, err := w.List(t.Context(), "a", api.AuditQuery{Cursor: "x"}); err == nil {
		t.Error("a cursor that is none is taken")
	}
}

// TestNothingIsRewritten tries what the broker offers to change the past.
func TestNothingIsRewritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep("one", api.AuditDone)
	m, err := w.conn.Request(t.Context(), "$JS.API.STREAM.MSG.DELETE."+events.StreamAudit, nil, []byte(`{"seq":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"one done"}, w.pages(1)); d != "" {
		t.Errorf("after %s (-want +got):\n%s", m.Data, d)
	}
}

// TestRubbishIsPassedOver reads what somebody else wrote.
func TestRubbishIsPassedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep("one", api.AuditDone)
	for i := range 3 {
		err := w.conn.Publish(t.Context(), bus.Out{
			Subject: events.AuditSubject(false, "a", "x"), ID: fmt.Sprint(i), Data: []byte("rubbish"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{"one done"}, w.pages(1)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
