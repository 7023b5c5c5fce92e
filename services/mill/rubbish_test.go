package mill_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// plain is a connection that knows nothing of Millrace.
func plain(t *testing.T, w *world) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(w.mill.BrokerURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// open lets plain clients in.
func open(c *mill.Config) { c.NATSListen = "127.0.0.1:0" }

// noise is n bytes that mean nothing, the same in every run.
func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

// bad are messages that no consumer can take.
func bad(door string) map[string]*nats.Msg {
	repeated := &nats.Msg{Header: nats.Header{"X-Tag": {"a", "b"}, "Nats-Msg-Id": {door}}, Data: []byte("{}")}
	return map[string]*nats.Msg{
		"not JSON":         {Data: []byte("not json")},
		"empty":            {},
		"wrong schema":     {Data: []byte(`{"files":"none","job":7,"step":{},"verb":[]}`)},
		"two values":       {Data: []byte(`{} {}`)},
		"deep":             {Data: bytes.Repeat([]byte("["), 100_000)},
		"repeated headers": repeated,
		"noise":            {Data: noise(1<<20 - 1024)},
	}
}

// TestRubbishIsSetAside publishes what no consumer can take to every subject the
// mill listens to, and wants a dead letter for each, nothing left in the queues,
// and a mill that goes on.
func TestRubbishIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	w.apply("ok", "    - id: a\n      uses: hash@1\n")
	nc := plain(t, w)
	job := events.JobID(events.DefaultTenant, "nobody")
	doors := map[string]string{
		"submit":           events.SubmitSubject(events.DefaultTenant, "ok"),
		"unknown pipeline": events.SubmitSubject(events.DefaultTenant, "nope"),
		"outcome":          events.OutcomeSubject("hash", events.DefaultTenant, job, "a"),
		"control":          events.ControlSubject(events.DefaultTenant, job),
		"due":              events.DueSubject(events.DefaultTenant, job),
		"work":             events.WorkSubject("hash", events.DefaultTenant, job, "a"),
		"undo":             events.UndoSubject("publish", events.DefaultTenant, job, "a"),
	}
	sent := 0
	for door, subject := range doors {
		for name, m := range bad(door) {
			m.Subject = subject
			if _, err := nc.RequestMsg(m, 5*time.Second); err != nil {
				t.Fatalf("%s, %s: %v", door, name, err)
			}
			sent++
		}
	}
	letters := w.deadLetters(sent)
	for _, l := range letters {
		if l.Code == "" || l.Reason == "" || l.Size > 0 && len(l.Data) == 0 {
			t.Errorf("dead letter says too little: %+v", l)
		}
		if len(l.Data) > 64<<10 {
			t.Errorf("dead letter holds %d bytes", len(l.Data))
		}
	}
	w.checkQuiet()
	if j := w.final(w.accepted("ok", inline("after", "x"))); j.State != events.JobCompleted {
		t.Errorf("after the rubbish, a job ended as %s", j.State)
	}
}

// TestForgeries publishes well-formed messages that lie.
func TestForgeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	w.apply("slow", "    - id: a\n      uses: simulate@1\n      with: { delay: 1s }\n")
	job := w.accepted("slow", inline("k", "x"))
	put := func(subject, id string, body any) {
		t.Helper()
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.conn.Publish(t.Context(), bus.Out{Subject: subject, ID: id, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	outcome := func(job, step string, attempt int) events.AttemptOutcome {
		return events.AttemptOutcome{
			Job: job, Tenant: events.DefaultTenant, Step: step, Stage: "simulate@1", Attempt: attempt,
			Verdict: events.VerdictSucceeded, StartedAt: time.Now().UTC(), EndedAt: time.Now().UTC(),
		}
	}
	nobody := events.JobID(events.DefaultTenant, "nobody")
	put(events.OutcomeSubject("simulate", events.DefaultTenant, nobody, "a"), "f1", outcome(nobody, "a", 1))
	put(events.OutcomeSubject("simulate", events.DefaultTenant, job, "zzz"), "f2", outcome(job, "zzz", 1))
	put(events.OutcomeSubject("simulate", events.DefaultTenant, nobody, "a"), "f3", outcome(job, "a", 1))
	put(events.ControlSubject(events.DefaultTenant, nobody), "f4", events.Command{Verb: events.VerbCancel})
	put(events.DueSubject(events.DefaultTenant, nobody), "f5",
		events.TimerFired{Job: nobody, Tenant: events.DefaultTenant, Step: "a", Attempt: 1})
	letters := w.deadLetters(5)
	for _, l := range letters {
		if l.Code != string(fault.JobUnknownOutcome) {
			t.Errorf("code %s for %s: %s", l.Code, l.Subject, l.Reason)
		}
	}
	// A stale attempt is no rubbish: it is acknowledged and changes nothing.
	put(events.OutcomeSubject("simulate", events.DefaultTenant, job, "a"), "f6", outcome(job, "a", 7))
	// Work of a stage version that nobody has is answered, not lost.
	put(events.WorkSubject("simulate", events.DefaultTenant, nobody, "a"), "f7",
		events.Task{Job: nobody, Tenant: events.DefaultTenant, Step: "a", Stage: "simulate@99", Attempt: 1})
	j := w.final(job)
	if j.State != events.JobCompleted || j.Steps["a"].Attempt != 1 {
		t.Errorf("the job ended as %s after attempt %d", j.State, j.Steps["a"].Attempt)
	}
	w.checkQuiet()
}

// deadLetters waits for n dead letters and returns them.
func (w *world) deadLetters(n int) []events.DeadLetter {
	w.t.Helper()
	var got []events.DeadLetter
	for range 600 {
		got = got[:0]
		err := w.conn.Scan(w.t.Context(), bus.Scan{Stream: events.StreamDead, Filters: []string{events.AllDead}}, func(m *bus.Message) error {
			var l events.DeadLetter
			if err := json.Unmarshal(m.Data, &l); err != nil {
				return fmt.Errorf("dead letter %q: %w", m.Data, err)
			}
			got = append(got, l)
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(got) >= n {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(got) != n {
		seen := map[string]int{}
		for _, l := range got {
			seen[l.Consumer+" "+l.Code]++
		}
		w.t.Errorf("%d dead letters, want %d: %v", len(got), n, seen)
	}
	return got
}

// checkQuiet wants every work queue to be empty in the end.
func (w *world) checkQuiet() {
	w.t.Helper()
	for stream, filter := range map[string]string{
		events.StreamIntake: events.AllSubmit, events.StreamOutcomes: events.AllOutcomes,
		events.StreamControl: events.AllControl, events.StreamQueue: events.AllWork,
	} {
		left := true
		for range 500 {
			if _, err := w.conn.Last(w.t.Context(), stream, filter); fault.Has(err, fault.BusNotFound) {
				left = false
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if left {
			w.t.Errorf("%s is not empty", stream)
		}
	}
}
