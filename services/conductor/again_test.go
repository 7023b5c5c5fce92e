package conductor

import (
	"encoding/json"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

// TestCommandDeliveredAgain: a command that was applied, and whose ack was lost, is
// delivered when the job would take it once more. It is not carried out again.
func TestCommandDeliveredAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.conductor(w.conn)
	w.submit("k")
	w.await("k", 1)
	auth := &events.Fault{Code: "test.auth", Class: "auth"}
	w.answer("k", "first", 1, auth)
	w.await("k", 2)
	w.command("k", events.VerbRetry)
	w.await("k", 3)
	w.answer("k", "first", 2, auth)
	if j := w.await("k", 4); j.State != events.JobAttention {
		t.Fatalf("the job is %s", j.State)
	}
	data, err := json.Marshal(events.Command{Verb: events.VerbRetry})
	if err != nil {
		t.Fatal(err)
	}
	job := events.JobID(events.DefaultTenant, "k")
	m := &bus.Message{
		Subject: events.ControlSubject(events.DefaultTenant, job), ID: "kretry", Data: data, Delivered: 2,
	}
	if err := c.handleCommand(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if n := len(w.history("k")); n != 4 {
		t.Errorf("%d records: the command was carried out again", n)
	}
	m.ID = "another"
	if err := c.handleCommand(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if n := len(w.history("k")); n != 5 {
		t.Errorf("%d records: another command was not carried out", n)
	}
}
