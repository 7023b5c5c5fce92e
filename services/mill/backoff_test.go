package mill_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/services/mill"
)

// waiting is how many steps wait an hour for their next attempt: a thousand.
func waiting() int { return fewer(1000) }

// TestStepsInBackoffBlockNobody has a thousand steps wait for an hour at the stage
// that everybody else uses, too. The others run through, while all of the thousand
// wait on: what is delayed is a message with a time, and holds no place of a worker
// and none of the consumer. Nor is any of it lost with a broker that keeps its queue
// in memory: the delays are made again from the records.
func TestStepsInBackoffBlockNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) {
		c.NATSListen, c.Slots, c.Derived, c.Drain = "127.0.0.1:0", 2, bus.DerivedMemory, -1
	})
	w.apply("down", `
    - id: call
      uses: simulate@1
      with: { fail: { class: dependency_down, retry_after: 1h } }
`)
	w.apply("healthy", `
    - id: call
      uses: simulate@1
    - id: sum
      uses: hash@1
`)
	w.apply("soon", `
    - id: call
      uses: simulate@1
      with: { fail: { class: dependency_down, times: 1, retry_after: 3s } }
`)
	w.submitMany("down", waiting())
	due := w.awaitWaiting()
	w.wantIdle("with all of them waiting")

	var healthy []string
	for i := range 50 {
		healthy = append(healthy, w.accepted("healthy", inline(fmt.Sprint("h", i), "content")))
	}
	for _, job := range healthy {
		if j := w.final(job); j.State != events.JobCompleted || j.Steps["call"].Attempt != 1 {
			t.Errorf("job %s ended as %s: %+v", job, j.State, j.Fault)
		}
	}
	w.wantWaiting(due, "after the others have run through")
	w.awaitTimers(waiting()) // a worker may hand a task back after its answer has counted
	w.wantIdle("after the others have run through")

	soon := w.accepted("soon", inline("s", "content"))
	w.await(soon, "waiting", func(j events.Job) bool { return j.State == events.JobWaiting })
	w.stop() // the queue is gone with the broker
	w.start()
	if j := w.final(soon); j.State != events.JobCompleted || j.Steps["call"].Attempt != 2 {
		t.Errorf("after the restart, the short wait ended as %s: %+v", j.State, j.Steps["call"])
	}
	w.awaitTimers(waiting())
	w.wantWaiting(due, "after the restart")
	w.wantIdle("after the restart")
}

// submitMany hands in many jobs and waits for no answer.
func (w *world) submitMany(pipeline string, n int) {
	w.t.Helper()
	var outs []bus.Out
	for i := range n {
		s := inline(fmt.Sprint(pipeline, i), "content")
		data, err := json.Marshal(s)
		if err != nil {
			w.t.Fatal(err)
		}
		outs = append(outs, bus.Out{Subject: events.SubmitSubject(events.DefaultTenant, pipeline), ID: s.Key, Data: data})
	}
	for len(outs) > 0 {
		part := outs[:min(100, len(outs))]
		if err := w.conn.Publish(w.t.Context(), part...); err != nil {
			w.t.Fatal(err)
		}
		outs = outs[len(part):]
	}
}

// delays reads when the next attempt of each waiting job is due.
func (w *world) delays() map[string]time.Time {
	w.t.Helper()
	due := map[string]time.Time{}
	err := w.conn.Scan(w.t.Context(), bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.EventSubject(events.DefaultTenant, "down", "*", "*")},
	}, func(m *bus.Message) error {
		var r events.Record
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return err
		}
		delete(due, r.Job.ID)
		if call := r.Job.Steps["call"]; call.State == events.StepRetrying && call.Attempt == 1 && r.Job.State == events.JobWaiting {
			due[r.Job.ID] = call.RetryAt
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return due
}

// awaitWaiting waits until all jobs wait for their second attempt.
func (w *world) awaitWaiting() map[string]time.Time {
	w.t.Helper()
	for range 600 {
		if due := w.delays(); len(due) == waiting() {
			w.awaitTimers(waiting())
			return due
		}
		time.Sleep(200 * time.Millisecond)
	}
	w.t.Fatalf("%d of %d jobs wait", len(w.delays()), waiting())
	return nil
}

// wantWaiting checks that no job has moved, and that the delay of each is in the
// queue, for the time that its record says.
func (w *world) wantWaiting(due map[string]time.Time, when string) {
	w.t.Helper()
	now := w.delays()
	for job, at := range due {
		if now[job] != at {
			w.t.Fatalf("%s job %s waits until %v, and no longer until %v", when, job, now[job], at)
		}
		m, err := w.conn.Last(w.t.Context(), events.StreamQueue, events.TimerSubject(events.DefaultTenant, job, "call"))
		if err != nil {
			w.t.Fatalf("%s the delay of job %s: %v", when, job, err)
		}
		if got, want := m.Header[jetstream.ScheduleHeader], "@at "+at.Format(time.RFC3339Nano); got != want {
			w.t.Fatalf("%s the delay of job %s is %q, want %q", when, job, got, want)
		}
	}
}

// awaitTimers waits until the queue holds that many messages and no others: those
// that wait for their time.
func (w *world) awaitTimers(n int) {
	w.t.Helper()
	var depth uint64
	for range 6000 {
		var err error
		if depth, err = w.conn.Depth(w.t.Context(), events.StreamQueue); err == nil && depth == uint64(n) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("the queue holds %d messages, want %d", depth, n)
}

// wantIdle checks that nothing of the stage's consumer is taken: no message is with a
// worker, and none waits for one.
func (w *world) wantIdle(when string) {
	w.t.Helper()
	info := consumer(w.t, plain(w.t, w), events.StageConsumer("simulate"))
	if info.NumAckPending != 0 || info.NumPending != 0 {
		w.t.Errorf("%s %d of at most %d messages are with workers, and %d wait", when,
			info.NumAckPending, info.Config.MaxAckPending, info.NumPending)
	}
}

// consumer reads how a consumer of the queue stands.
func consumer(t *testing.T, nc *nats.Conn, name string) *jetstream.ConsumerInfo {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c, err := js.Consumer(t.Context(), events.StreamQueue, name)
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo()
}
