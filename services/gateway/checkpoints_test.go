package gateway_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
)

// saved leaves the records of an attempt that has saved three places, and one that is
// damaged.
func (p *person) saved(job, step string) {
	p.t.Helper()
	log, key := checkpoint.NewMemory(), checkpoint.Key{Tenant: events.DefaultTenant, Job: job, Step: step}
	chain := checkpoint.New(checkpoint.Options{Log: log, Key: key, Stage: "noop@1", Logic: "7", Worker: "w", Attempt: 1})
	at := struct{ Tile int }{}
	run, err := chain.Resume(p.t.Context(), 1, &at)
	for at.Tile = 1; err == nil && at.Tile <= 3; at.Tile++ {
		err = run.Save(p.t.Context(), int64(at.Tile)*10, 40)
	}
	chain.Close()
	kept, problem := log.Kept(p.t.Context(), key)
	if err != nil || problem != nil {
		p.t.Fatal(err, problem)
	}
	kept = append(kept, checkpoint.Entry{Data: []byte(`{"kind":"save"}`)})
	for i, e := range kept {
		out := bus.Out{Subject: events.CheckpointSubject(key.Tenant, job, step), ID: job + step + strconv.Itoa(i), Data: e.Data}
		if err := p.Conn.Publish(p.t.Context(), out); err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	job, other := p.job(), p.job()
	path := p.URL + "/v1/jobs/" + job + "/steps/keep/checkpoints"
	var list api.CheckpointList
	ask(t, "GET", path, nil).into(t, 200, &list)
	if list.Checkpoints == nil || len(list.Checkpoints) != 0 {
		t.Errorf("nothing is saved, and the list is %+v", list)
	}
	p.saved(job, "keep")
	ask(t, "GET", path, nil).into(t, 200, &list)
	var places []int
	for _, c := range list.Checkpoints {
		if c.State != nil {
			t.Errorf("the list has the state %s", c.State)
		}
		if c.Kind == events.CheckpointSave {
			places = append(places, c.Number, c.Percent)
		}
	}
	same(t, "places", places, []int{1, 25, 2, 50, 3, 75})
	last := list.Checkpoints[len(list.Checkpoints)-1]
	if last.Damage == "" || last.Kind != "" {
		t.Errorf("what is damaged is shown as %+v", last)
	}
	var one api.Checkpoint
	newest := list.Checkpoints[len(list.Checkpoints)-2]
	at := "/" + strconv.FormatUint(newest.Position, 10)
	ask(t, "GET", path+at, nil).into(t, 200, &one)
	same(t, "state", string(one.State), `{"Tile":3}`)
	same(t, "worker", one.Worker, "w")
	for _, none := range []string{"/0", "/x", "/999999", "/-1", "/" + strings.Repeat("9", 30)} {
		ask(t, "GET", path+none, nil).problem(t, 404, string(fault.CheckpointNone))
	}
	// A position of another chain is none of this one.
	ask(t, "GET", p.URL+"/v1/jobs/"+other+"/steps/keep/checkpoints"+at, nil).problem(t, 404, string(fault.CheckpointNone))
	for _, nobody := range []string{"/v1/jobs/nobody/steps/keep/checkpoints", "/v1/jobs/" + job + "/steps/none/checkpoints"} {
		ask(t, "GET", p.URL+nobody, nil).problem(t, 404, string(fault.JobNotFound))
	}
}

func TestFaultIsExplained(t *testing.T) {
	t.Parallel()
	p := newPerson(t, gateway.Limits{})
	for _, code := range fault.Codes() {
		var i api.FaultInfo
		ask(t, "GET", p.URL+"/v1/faults/"+string(code), nil).into(t, 200, &i)
		if i.Code != code || i.Text == "" || i.Hint == "" || i.Policy == "" || len(i.Runbook) < 3 {
			t.Errorf("of %s is said %+v", code, i)
		}
	}
	ask(t, "GET", p.URL+"/v1/faults/none.such", nil).problem(t, 404, string(fault.HTTPNotFound))
}
