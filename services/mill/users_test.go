package mill_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

// usersSteps save places, have an effect that can be taken back, and, when they are
// told to, do not end.
const usersSteps = `
    - { id: pack, uses: compress@1 }
    - { id: ship, uses: publish@1 }
    - { id: last, uses: simulate@1%s }
`

// stageKeys are the roles of stages.
func stageKeys(names ...string) (all []brokeruser.Role) {
	for _, name := range names {
		all = append(all, brokeruser.Stage(name))
	}
	return all
}

// split starts a mill in five processes, each with the keys of its own roles. Those that
// work come first, and wait for what the conductor's process makes.
func (g *guarded) split() *client.Client {
	g.t.Helper()
	packer := g.mill("packer", []string{"stage:compress"}, stageKeys("compress"), func(c *mill.Config) {
		c.CheckpointBytes = 1 << 20
	})
	shipper := g.mill("shipper", []string{"stage:publish", "stage:simulate"}, stageKeys("publish", "simulate"), nil)
	notifier := g.mill("notifier", []string{mill.RoleNotifier}, []brokeruser.Role{brokeruser.Notifier},
		func(c *mill.Config) { c.AllowPrivateNetworks = true })
	door := g.mill("door", []string{mill.RoleGateway}, []brokeruser.Role{brokeruser.Gateway}, func(c *mill.Config) {
		c.HTTPAddr, c.Auth, c.AllowPrivateNetworks = "127.0.0.1:0", mill.AuthKeys, true
	})
	select {
	case <-packer.Ready():
		g.t.Error("a worker is ready before there is a queue")
	case <-time.After(300 * time.Millisecond):
	}
	conductor := g.mill("conductor", []string{mill.RoleConductor},
		[]brokeruser.Role{brokeruser.Setup, brokeruser.Conductor}, func(c *mill.Config) { c.MetricsAddr = "127.0.0.1:0" })
	for _, m := range []*mill.Mill{conductor, packer, shipper, notifier, door} {
		within(g.t, "a process of the mill is ready", m.Ready())
	}
	measure(g.t, conductor.MetricsURL())
	return g.client(door)
}

// measure reads what a process measures, for which it looks at the broker.
func measure(t *testing.T, door string) {
	t.Helper()
	answer, err := http.Get(door + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || !strings.Contains(string(text), events.StageConsumer("compress")) {
		t.Errorf("nothing of the queues is measured: %v\n%s", err, text)
	}
}

// TestEachRoleAsItsOwnUser runs a mill whose roles are users of the broker that may do
// no more than they need, and does with it what people do. Nothing of it is refused.
func TestEachRoleAsItsOwnUser(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, append(stageKeys("compress", "publish", "simulate"),
		brokeruser.Submitter("default"), brokeruser.Reader("default"))...)
	told := make(chan struct{}, 1024)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told <- struct{}{} }))
	t.Cleanup(hook.Close)
	c := g.split()
	for name, with := range map[string]string{"whole": "", "hangs": ", with: { hang: true }"} {
		if _, err := c.ApplyPipeline(t.Context(), name, []byte(pipelineFile(name, fmt.Sprintf(usersSteps, with)))); err != nil {
			t.Fatal(err)
		}
	}
	w, err := c.CreateWebhook(t.Context(), api.WebhookRequest{URL: hook.URL, Types: []string{"job.completed"}})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := c.TestWebhook(t.Context(), w.ID); err != nil || d.Outcome != api.Delivered {
		t.Errorf("the test of the webhook: %+v, %v", d, err)
	}
	within(t, "the webhook is tested", told)
	g.uploadsAndCompletes(c)
	within(t, "the webhook is told", told)
	g.cancelsAndUndoes(c)
	g.plainNATS()
	g.asksAround(c)
	g.forbidden.none(t)
}

// uploadsAndCompletes hands in a file that is uploaded in pieces and whose step saves
// places.
func (g *guarded) uploadsAndCompletes(c *client.Client) {
	t := g.t
	t.Helper()
	content := make([]byte, 17<<20)
	_, _ = rand.Read(content)
	file := filepath.Join(g.dir, "large.bin")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := c.SubmitFile(t.Context(), file, client.FileJob{Pipeline: "whole"})
	if err != nil {
		t.Fatal(err)
	}
	j, err := c.Wait(t.Context(), s.Job)
	if err != nil || j.Job.State != events.JobCompleted {
		t.Fatalf("the job ended as %+v, %v", j, err)
	}
	places, err := c.Checkpoints(t.Context(), s.Job, "pack")
	if err != nil || len(places) == 0 {
		t.Errorf("%d checkpoints, %v", len(places), err)
	}
	list, err := c.List(t.Context(), api.JobQuery{})
	if err != nil || len(list.Jobs) != 1 {
		t.Errorf("the list has %d jobs, %v", len(list.Jobs), err)
	}
}

// cancelsAndUndoes cancels a job after it has published something.
func (g *guarded) cancelsAndUndoes(c *client.Client) {
	t := g.t
	t.Helper()
	s, err := c.Submit(t.Context(), "hangs", inline("hangs", "parcel"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WaitFor(t.Context(), s.Job, func(j *api.Job) bool {
		return j.Job.Steps["last"].State == events.StepQueued
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cancel(t.Context(), s.Job, "a change of mind"); err != nil {
		t.Fatal(err)
	}
	j, err := c.Wait(t.Context(), s.Job)
	if err != nil || j.Job.State != events.JobCancelled {
		t.Fatalf("the job ended as %+v, %v", j, err)
	}
	if u := j.Job.Steps["ship"].Undo; u == nil || u.State != events.UndoDone {
		t.Errorf("what was published has the undo %+v", u)
	}
}

// plainNATS hands in a job as a submitter and follows it as a reader, with nothing but
// a NATS client.
func (g *guarded) plainNATS() {
	t := g.t
	t.Helper()
	submitter, reader := g.plain(brokeruser.Submitter("default"), nil), g.plain(brokeruser.Reader("default"), nil)
	ended := make(chan string, 16)
	for _, subject := range []string{
		events.LiveSubject("default", "*", events.KindJob), events.EventSubject("default", "*", "*", "*"),
	} {
		_, err := reader.Subscribe(subject, func(m *nats.Msg) {
			if m.Header.Get(events.HeaderState) == string(events.JobCompleted) {
				ended <- m.Subject
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := reader.Flush(); err != nil {
		t.Fatal(err)
	}
	answer, err := submitter.SubscribeSync(submitter.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg(events.SubmitSubject("default", "whole"))
	m.Data = []byte(`{"key":"plain","files":[{"name":"a.txt","inline":"YnkgbmF0cw=="}]}`)
	m.Header.Set(events.HeaderReplyTo, answer.Subject)
	if _, err := submitter.RequestMsgWithContext(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got, err := answer.NextMsgWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, problem := parseAnswer(t, &bus.Message{
		Header: map[string]string{events.HeaderContentType: got.Header.Get(events.HeaderContentType)}, Data: got.Data,
	})
	if problem != nil {
		t.Fatalf("refused: %+v", *problem)
	}
	for range 2 {
		within(t, "the reader hears of the end", ended)
	}
}

// asksAround reads what else there is to be read over HTTP.
func (g *guarded) asksAround(c *client.Client) {
	t, ctx := g.t, g.t.Context()
	t.Helper()
	ask := map[string]func() error{
		"consumers":    func() error { _, err := c.Consumers(ctx); return err },
		"breakers":     func() error { _, err := c.Breakers(ctx); return err },
		"dead letters": func() error { _, err := c.DeadLetters(ctx, api.DeadLetterQuery{}); return err },
		"deliveries":   func() error { _, err := c.Deliveries(ctx, api.DeliveryQuery{}); return err },
		"audit":        func() error { _, err := c.Audit(ctx, api.AuditQuery{}); return err },
		"rules":        func() error { _, err := c.Rules(ctx); return err },
		"pipelines":    func() error { _, err := c.Pipelines(ctx); return err },
		"versions":     func() error { _, err := c.PipelineVersions(ctx, "whole"); return err },
		"decisions":    func() error { _, err := c.Decisions(ctx, api.DecisionQuery{}); return err },
		"keys":         func() error { _, err := c.Keys(ctx); return err },
		"operations":   func() error { _, err := c.Operations(ctx); return err },
		"events":       func() error { _, err := c.EventPage(ctx, client.EventQuery{}); return err },
		"health":       func() error { _, err := c.Health(ctx); return err },
		"new rule": func() error {
			_, err := c.SetRule(ctx, events.Rule{
				Name: "calm", Match: events.RuleMatch{Code: "httpcall.*"}, Then: events.RuleThen{Class: "transient"}, Reason: "test",
			}, client.RuleWhen{})
			return err
		},
		"new key": func() error {
			_, err := c.CreateKey(ctx, api.KeyRequest{Name: "ci", Scopes: []string{"read"}, Tenant: "default"})
			return err
		},
	}
	for what, do := range ask {
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
