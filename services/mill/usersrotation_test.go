package mill_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// TestKeysAreRotatedWhileTheMillWorks gives every role a new key while jobs run, and
// retires the old ones: no process is restarted and no job is lost. What had the old key
// is out at once.
func TestKeysAreRotatedWhileTheMillWorks(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, stageKeys("simulate")...)
	worker := g.mill("worker", []string{"stage:simulate"}, stageKeys("simulate"), nil)
	main := g.mill("main", []string{mill.RoleConductor, mill.RoleGateway, mill.RoleNotifier}, brokeruser.Fixed(),
		func(c *mill.Config) { c.HTTPAddr, c.Auth = "127.0.0.1:0", mill.AuthKeys })
	within(t, "the mill is ready", main.Ready())
	within(t, "the worker is ready", worker.Ready())
	c := g.client(main)
	if _, err := c.ApplyPipeline(t.Context(), "slow", []byte(pipelineFile("slow",
		"    - { id: a, uses: simulate@1, with: { delay: 20ms } }\n    - { id: b, uses: simulate@1, with: { delay: 20ms } }\n"))); err != nil {
		t.Fatal(err)
	}
	var jobs []string
	submit := func() { jobs = append(jobs, g.submits(c, "job-"+strconv.Itoa(len(jobs)))) }
	before := brokeruser.Stage("simulate")
	stolen, err := nats.NkeyOptionFromSeed(filepath.Join(g.dir, "worker-keys", before.File()))
	if err != nil {
		t.Fatal(err)
	}
	thief, err := nats.Connect(g.url, stolen, nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(thief.Close)
	gone := thief.StatusChanged(nats.CLOSED)
	submit()
	for _, r := range g.roles {
		if err := g.users.Rotate(r); err != nil {
			t.Fatal(err)
		}
		if err := g.users.Rotate(r); !fault.Has(err, fault.BrokerRotationOpen) {
			t.Errorf("a second rotation of %s: %v", r, err)
		}
	}
	g.reload()
	submit()
	for _, r := range brokeruser.Fixed() {
		g.hand(filepath.Join(g.dir, "main-keys"), r)
	}
	g.hand(filepath.Join(g.dir, "worker-keys"), before)
	submit()
	for _, r := range g.roles {
		if err := g.users.Retire(r); err != nil {
			t.Fatal(err)
		}
		if err := g.users.Retire(r); !fault.Has(err, fault.BrokerNothingToRetire) {
			t.Errorf("a second retirement of %s: %v", r, err)
		}
	}
	g.reload()
	within(t, "who has the old key is thrown out", gone)
	for range 5 {
		submit()
	}
	for _, job := range jobs {
		j, err := c.Wait(t.Context(), job)
		if err != nil || j.Job.State != events.JobCompleted {
			t.Errorf("job %s ended as %+v, %v", job, j, err)
		}
	}
	g.forbidden.none(t)
}

// submits hands in a job, however often it takes.
func (g *guarded) submits(c *client.Client, key string) string {
	g.t.Helper()
	s, err := c.Submit(g.t.Context(), "slow", inline(key, key))
	if err != nil {
		g.t.Fatal(err)
	}
	return s.Job
}

// TestABrokerThatForgotIsSetUpAgain: a broker that was restarted has lost the queues that
// it kept in memory, and workers may not make them again. Who has the key of setup does.
func TestABrokerThatForgotIsSetUpAgain(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, stageKeys("simulate")...)
	worker := g.mill("worker", []string{"stage:simulate"}, stageKeys("simulate"), nil)
	main := g.mill("main", []string{mill.RoleConductor, mill.RoleGateway}, brokeruser.Fixed(),
		func(c *mill.Config) { c.HTTPAddr, c.Auth, c.ReconcileEvery = "127.0.0.1:0", mill.AuthKeys, time.Second })
	within(t, "the mill is ready", main.Ready())
	within(t, "the worker is ready", worker.Ready())
	c := g.client(main)
	if _, err := c.ApplyPipeline(t.Context(), "slow", []byte(pipelineFile("slow",
		"    - { id: a, uses: simulate@1, with: { delay: 500ms } }\n    - { id: b, uses: simulate@1 }\n"))); err != nil {
		t.Fatal(err)
	}
	jobs := []string{g.submits(c, "before")}
	g.stop()
	g.start()
	jobs = append(jobs, g.submits(c, "after"))
	for _, job := range jobs {
		j, err := c.Wait(t.Context(), job)
		if err != nil || j.Job.State != events.JobCompleted {
			t.Errorf("job %s ended as %+v, %v", job, j, err)
		}
	}
	g.forbidden.none(t)
}
