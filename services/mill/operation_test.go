package mill_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/flow"
)

// bulkPipelines fail until somebody tries again: one is well then, the other fails
// again.
var bulkPipelines = map[string]string{
	"well": `    - { id: call, uses: simulate@1, with: { fail: { class: auth, times: 1 } } }` + "\n",
	"ill":  `    - { id: call, uses: simulate@1, with: { fail: { class: auth } } }` + "\n",
}

// bulkJobs is how many jobs there are, and bulkIll how many of them fail again.
func bulkJobs() int { return fewer(300) }
func bulkIll() int  { return fewer(40) }

// TestOperationEmbedded kills a whole mill again and again while it carries out a bulk
// operation.
func TestOperationEmbedded(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	addr := local(freePort(t))
	m := newProcess(t, "mill", childConfig{Mill: &childMill{DataDir: w.dir, NATSListen: local(w.port), HTTPAddr: addr}})
	w.operate([]*process{m}, []*process{m}, fewer(3), addr)
}

// TestOperationExternal kills the broker, the conductor and the operators of a mill
// that is spread over processes.
func TestOperationExternal(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	var c childConfig
	c.Broker.Dir, c.Broker.Port = filepath.Join(w.dir, "broker"), w.port
	broker := newProcess(t, "broker", c)
	part := func(name, role, addr string) *process {
		return newProcess(t, name, childConfig{Mill: &childMill{
			DataDir: filepath.Join(w.dir, name), NATSURL: "nats://" + local(w.port), Roles: []string{role}, HTTPAddr: addr,
			ArtifactDir: filepath.Join(w.dir, "artifacts"),
		}})
	}
	addr := local(freePort(t))
	one, other := part("gateway-1", "gateway", addr), part("gateway-2", "gateway", local(freePort(t)))
	conductor, stages := part("conductor", "conductor", ""), part("stages", "stages", "")
	w.operate([]*process{broker, one, other, conductor, stages}, []*process{one, other, broker, one, conductor}, fewer(5), addr)
}

// operate starts the processes, brings jobs into attention, and kills one of victims
// after the other while an operation tries them all again.
func (w *crashWorld) operate(all, victims []*process, kills int, addr string) {
	w.t.Helper()
	for _, p := range all {
		if err := p.start(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.connect()
	c, err := client.New(client.Config{Server: addr})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	w.attention(c)
	op, err := c.StartOperation(w.ctx, api.OperationRequest{
		Verb: api.OperationRetry, Reason: "it is mended", Rate: 300, InFlight: 20,
		Filter: api.OperationFilter{States: []events.JobState{events.JobAttention}},
	}, "mend")
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range kills {
		w.until("more items are settled", func() bool {
			return w.operation(c, op.ID).Counts.Remaining <= bulkJobs()*(kills-i)/(kills+1)
		})
		p := victims[i%len(victims)]
		p.kill()
		if err := p.start(); err != nil {
			w.t.Fatalf("kill %d: %v", i+1, err)
		}
	}
	w.until("the operation is done", func() bool { return w.operation(c, op.ID).State == api.OperationDone })
	want := api.OperationCounts{Matched: bulkJobs(), Done: bulkJobs(), Again: bulkIll()}
	if diff := cmp.Diff(want, w.operation(c, op.ID).Counts); diff != "" {
		w.t.Errorf("counts: %s", diff)
	}
	w.checkOperated(op.ID)
}

// attention submits the jobs and waits until all of them wait for a person.
func (w *crashWorld) attention(c *client.Client) {
	w.t.Helper()
	for name, n := range map[string]int{"well": bulkJobs() - bulkIll(), "ill": bulkIll()} {
		w.apply(name, bulkPipelines[name])
		var outs []bus.Out
		for i := range n {
			body, err := json.Marshal(events.Submission{
				Key: fmt.Sprint(name, i), Files: []events.Source{{Name: "a.txt", Inline: []byte("a")}},
			})
			if err != nil {
				w.t.Fatal(err)
			}
			outs = append(outs, bus.Out{
				Subject: events.SubmitSubject(events.DefaultTenant, name), ID: fmt.Sprint(name, i), Data: body,
			})
		}
		if err := w.conn.Publish(w.ctx, outs...); err != nil {
			w.t.Fatal(err)
		}
	}
	w.until("all jobs are in attention, and in the list", func() bool {
		n := 0
		for _, err := range c.Jobs(w.ctx, api.JobQuery{States: []events.JobState{events.JobAttention}}) {
			if err != nil {
				return false
			}
			n++
		}
		return n == bulkJobs()
	})
}

// operation returns an operation, or nothing while nobody is there to ask.
func (w *crashWorld) operation(c *client.Client, id string) api.Operation {
	op, err := c.Operation(w.ctx, id)
	if err != nil {
		return api.Operation{Counts: api.OperationCounts{Remaining: bulkJobs()}}
	}
	return *op
}

func (w *crashWorld) until(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not in time: %s", what)
		}
	}
}

// checkOperated wants every job to have been asked one time, to be where that leads,
// and to have a history that replays.
func (w *crashWorld) checkOperated(op string) {
	w.t.Helper()
	history := make(map[string][]events.Record)
	err := w.conn.Scan(w.ctx, bus.Scan{Stream: events.StreamEvents, Filters: []string{events.AllEvents}}, func(m *bus.Message) error {
		var r events.Record
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return err
		}
		history[r.Job.ID] = append(history[r.Job.ID], r)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(history) != bulkJobs() {
		w.t.Errorf("%d jobs are recorded, want %d", len(history), bulkJobs())
	}
	ends := map[string]events.JobState{"well": events.JobCompleted, "ill": events.JobAttention}
	plans := make(map[string]*flow.Plan)
	for name, steps := range bulkPipelines {
		plans[name] = planOf(w.t, pipelineFile(name, steps))
	}
	for id, records := range history {
		name := records[0].Job.Pipeline.Name
		j, err := flow.Replay(plans[name], records)
		if err != nil {
			w.t.Error(err)
		}
		asked := 0
		for _, r := range records {
			if c := r.Input.Control; c != nil && c.By == "operation/"+op {
				asked++
			}
		}
		if asked != 1 || j.State != ends[name] || j.Steps["call"].Attempt != 2 {
			w.t.Errorf("job %s was asked %d times and is %s after %d attempts", id, asked, j.State, j.Steps["call"].Attempt)
		}
	}
}
