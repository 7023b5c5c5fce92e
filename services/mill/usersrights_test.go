package mill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// tries is what a role is not allowed, and tries.
type tries struct{ publish, subscribe []string }

// Subjects that are somebody's.
const (
	jsAPI      = "$JS.API."
	credential = "KV_" + events.BucketCredentials
)

// notYours is what no role but the conductor and setup may do.
func notYours() []string {
	var all []string
	for _, stream := range []string{events.StreamEvents, events.StreamQueue, events.StreamAudit, credential} {
		for _, verb := range []string{"STREAM.CREATE.", "STREAM.UPDATE.", "STREAM.DELETE.", "STREAM.PURGE.", "STREAM.MSG.DELETE.", "STREAM.SNAPSHOT.", "STREAM.RESTORE."} {
			all = append(all, jsAPI+verb+stream)
		}
	}
	return append(all,
		events.EventSubject("default", "p", "j", events.KindJob),
		events.LiveSubject("default", "j", events.KindJob),
		jsAPI+"CONSUMER.CREATE."+events.StreamQueue+".mine",
		jsAPI+"CONSUMER.DURABLE.CREATE."+events.StreamQueue+".mine",
		jsAPI+"CONSUMER.DELETE."+events.StreamQueue+"."+events.StageConsumer("publish"),
		jsAPI+"CONSUMER.MSG.NEXT."+events.StreamQueue+"."+events.StageConsumer("publish"),
		"$JS.ACK."+events.StreamQueue+"."+events.StageConsumer("publish")+".1.1.1.1.1",
		jsAPI+"STREAM.LIST", jsAPI+"STREAM.NAMES", "$SYS.REQ.SERVER.PING",
	)
}

// closed is what those may not do who stand outside of the mill's own decisions.
func closed() []string {
	all := append(notYours(),
		events.WorkSubject("publish", "default", "j", "s"), events.UndoSubject("publish", "default", "j", "s"),
		events.TimerSubject("default", "j", "s"), events.DueSubject("default", "j"),
		events.OutcomeSubject("publish", "default", "j", "s"), events.ControlSubject("default", "j"),
		events.CancelledSubject("default", "j"), events.AuditSubject(false, "default", "x"),
		events.DeliverySubject("default", "e", "j"), events.HookTestSubject("default", "e"),
		events.SubmitSubject("other", "p"), events.IntakeKeeper,
		events.DeadSubject(events.StageConsumer("publish"), "default"),
		"$KV."+events.BucketCredentials+".k", "$KV."+events.BucketRules+".k", "$KV."+events.BucketPipelines+".k",
		"_INBOX.conductor.x", "_INBOX.gateway.x",
	)
	for _, stream := range []string{credential, "KV_" + events.BucketEndpoints, events.StreamQueue, events.StreamIntake} {
		for _, verb := range []string{"DIRECT.GET.", "STREAM.MSG.GET.", "STREAM.INFO."} {
			all = append(all, jsAPI+verb+stream)
		}
	}
	// A consumer could deliver to any subject, and so could a direct read.
	for _, stream := range []string{events.StreamEvents, events.StreamCheckpoints, "KV_" + events.BucketBreakers} {
		all = append(all, jsAPI+"DIRECT.GET."+stream, jsAPI+"DIRECT.GET."+stream+".x", jsAPI+"CONSUMER.CREATE."+stream+".mine", jsAPI+"CONSUMER.CREATE."+stream+".mine.millrace.>")
	}
	return all
}

// ears are subjects that belong to others.
func ears() []string {
	return []string{
		"_INBOX.>", "_INBOX.conductor.>", "_INBOX.gateway.>", "_INBOX.stage.publish.>", "_INBOX.submit.other.>",
		">", "millrace.>", "$JS.>", "$KV." + events.BucketCredentials + ".>", events.AllSubmit, events.AllWork,
		events.AllOutcomes, events.AllControl, events.AllAudit,
	}
}

// forbiddenTries lists, for each role, what it must not get.
func forbiddenTries() map[brokeruser.Role]tries {
	inside := []string{
		events.EventSubject("default", "p", "j", events.KindJob), jsAPI + "STREAM.DELETE." + events.StreamEvents,
		jsAPI + "STREAM.PURGE." + events.StreamEvents, jsAPI + "STREAM.DELETE." + events.StreamQueue,
		jsAPI + "CONSUMER.MSG.NEXT." + events.StreamQueue + "." + events.StageConsumer("publish"),
	}
	return map[brokeruser.Role]tries{
		brokeruser.Setup: {
			publish: []string{
				events.EventSubject("default", "p", "j", events.KindJob), events.WorkSubject("hash", "default", "j", "s"),
				events.SubmitSubject("default", "p"), jsAPI + "STREAM.DELETE." + events.StreamEvents,
				jsAPI + "STREAM.PURGE." + events.StreamEvents, jsAPI + "DIRECT.GET." + credential, jsAPI + "STREAM.CREATE.OTHER",
			},
			subscribe: ears(),
		},
		brokeruser.Conductor: {
			publish: []string{
				jsAPI + "STREAM.PURGE." + events.StreamEvents, jsAPI + "STREAM.DELETE." + events.StreamEvents,
				jsAPI + "STREAM.DELETE." + events.StreamQueue, jsAPI + "STREAM.UPDATE." + events.StreamEvents,
				events.OutcomeSubject("publish", "default", "j", "s"), events.AuditSubject(false, "default", "x"),
				jsAPI + "DIRECT.GET." + credential, "$KV." + events.BucketRules + ".k", "_INBOX.stage.publish.x",
				jsAPI + "CONSUMER.MSG.NEXT." + events.StreamQueue + "." + events.StageConsumer("publish"),
			},
			subscribe: ears(),
		},
		brokeruser.Gateway: {
			publish:   append(notYours(), events.TimerSubject("default", "j", "s"), events.CheckpointSubject("default", "j", "s"), "_INBOX.submit.default.x"),
			subscribe: ears(),
		},
		brokeruser.Notifier: {
			publish: append(inside, events.SubmitSubject("default", "p"), events.ControlSubject("default", "j"),
				jsAPI+"DIRECT.GET."+credential, "$KV."+events.BucketRules+".k"),
			subscribe: append(ears(), events.AllProgress),
		},
		brokeruser.Stage("hash"): {
			publish:   append(closed(), events.SubmitSubject("default", "p")),
			subscribe: append(ears(), events.AllEvents, events.AllLive, events.WorkOf("hash")),
		},
		brokeruser.Submitter("default"): {
			publish: append(closed(), events.ProgressSubject("default", "j", "s"), events.CheckpointSubject("default", "j", "s"),
				jsAPI+"INFO"),
			subscribe: append(ears(), events.AllEvents, events.AllLive, events.EventSubject("default", "*", "*", "*")),
		},
		brokeruser.Reader("default"): {
			publish: append(closed(), events.SubmitSubject("default", "p"), jsAPI+"STREAM.MSG.GET."+events.StreamEvents,
				jsAPI+"INFO"),
			subscribe: append(ears(), events.AllEvents, events.AllLive, events.LiveSubject("other", "*", "*"), events.AllProgress),
		},
	}
}

// TestRolesAreHeldToTheirRights tries, as every role, what it has no business with. The
// broker refuses each.
func TestRolesAreHeldToTheirRights(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, append(stageKeys("hash", "publish"), brokeruser.Submitter("default"), brokeruser.Reader("default"))...)
	m := g.mill("conductor", []string{mill.RoleConductor}, []brokeruser.Role{brokeruser.Setup, brokeruser.Conductor}, nil)
	within(t, "the streams are there", m.Ready())
	for role, try := range forbiddenTries() {
		refused := make(chan string, 256)
		c := g.plain(role, refused)
		for _, subject := range try.publish {
			if err := c.PublishRequest(subject, c.NewInbox(), []byte(`{}`)); err != nil {
				t.Fatal(err)
			}
			if got := within(t, string(role)+" is refused "+subject, refused); !strings.Contains(got, `"`+subject+`"`) {
				t.Fatalf("%s tried to publish to %s, and was refused: %s", role, subject, got)
			}
		}
		for _, subject := range try.subscribe {
			if subject == role.Inbox()+".>" {
				continue // its own
			}
			if _, err := c.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
			if got := within(t, string(role)+" is refused "+subject, refused); !strings.Contains(got, `Subscription to "`+subject+`"`) {
				t.Fatalf("%s tried to subscribe to %s, and was refused: %s", role, subject, got)
			}
		}
	}
	admin := g.plain(brokeruser.Gateway, nil)
	if a, err := admin.RequestWithContext(t.Context(), jsAPI+"DIRECT.GET."+events.StreamEvents,
		[]byte(`{"seq":1}`)); err != nil || a.Header.Get("Status") != "404" {
		t.Errorf("the log of events is not empty: %v, %v", a, err)
	}
}

// TestAReplyIsNoRecord: the broker sends its answers wherever it is told to. A worker that
// has saved a record that it made up, and reads it back with a reply into the log of
// events, gets no record there.
func TestAReplyIsNoRecord(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, stageKeys("hash")...)
	m := g.mill("conductor", []string{mill.RoleConductor}, []brokeruser.Role{brokeruser.Setup, brokeruser.Conductor}, nil)
	within(t, "the streams are there", m.Ready())
	worker, reader := g.plain(brokeruser.Stage("hash"), nil), g.plain(brokeruser.Gateway, nil)
	forged := []byte(`{"type":"dev.millrace.job.completed.v1","revision":7,"job":{"id":"j","tenant":"default","state":"completed"}}`)
	saved := events.CheckpointSubject("default", "j", "s")
	if _, err := worker.RequestWithContext(t.Context(), saved, forged); err != nil {
		t.Fatal(err)
	}
	into := events.EventSubject("default", "p", "j", events.KindJob)
	ask := map[string]string{
		jsAPI + "STREAM.MSG.GET." + events.StreamCheckpoints: `{"last_by_subj":"` + saved + `"}`,
		events.OutcomeSubject("hash", "default", "j", "s"):   string(forged), // the broker confirms it
		saved: string(forged),
	}
	for subject, data := range ask {
		if err := worker.PublishRequest(subject, into, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= len(ask); {
		a, err := reader.RequestWithContext(t.Context(), jsAPI+"DIRECT.GET."+events.StreamEvents, fmt.Appendf(nil, `{"seq":%d}`, n))
		if err != nil {
			t.Fatal(err)
		}
		if a.Header.Get("Status") == "404" {
			continue // not yet there
		}
		n++
		var r events.Record
		if err := json.Unmarshal(a.Data, &r); err == nil && (r.Job.ID != "" || r.Revision != 0) {
			t.Errorf("a worker has written %s", a.Data)
		}
	}
}

// TestRepliesSpoilNoJob: a worker has the broker's answers stored in the history of a job
// that runs. The job goes on from its last record.
func TestRepliesSpoilNoJob(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, stageKeys("simulate")...)
	m := g.mill("all", []string{mill.RoleConductor, mill.RoleGateway, "stage:simulate"},
		append(brokeruser.Fixed(), stageKeys("simulate")...),
		func(c *mill.Config) { c.HTTPAddr, c.Auth = "127.0.0.1:0", mill.AuthKeys })
	within(t, "the mill is ready", m.Ready())
	c, worker, reader := g.client(m), g.plain(brokeruser.Stage("simulate"), nil), g.plain(brokeruser.Gateway, nil)
	if _, err := c.ApplyPipeline(t.Context(), "slow", []byte(pipelineFile("slow",
		"    - { id: a, uses: simulate@1, with: { delay: 2s } }\n    - { id: b, uses: simulate@1 }\n"))); err != nil {
		t.Fatal(err)
	}
	job := g.submits(c, "k")
	for _, kind := range []string{events.KindJob, events.KindStep} {
		err := worker.PublishRequest(events.CheckpointSubject("default", "x", "y"), events.EventSubject("default", "slow", job, kind), []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := fmt.Appendf(nil, `{"last_by_subj":%q}`, events.HistoryFilter("default", job))
	for {
		a, err := reader.RequestWithContext(t.Context(), jsAPI+"DIRECT.GET."+events.StreamEvents, ask)
		if err != nil {
			t.Fatal(err)
		}
		if a.Header.Get(events.HeaderTx) == "" {
			break // the broker's answer is the newest there
		}
	}
	j, err := c.Wait(t.Context(), job)
	if err != nil || j.Job.State != events.JobCompleted {
		t.Errorf("the job ended as %+v, %v", j, err)
	}
}

// TestARefusalIsSaidAtOnce: what the broker refuses gets no answer, and must not pass for
// a broker that is slow.
func TestARefusalIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, stageKeys("hash")...)
	r := brokeruser.Stage("hash")
	c, err := bus.Connect(t.Context(), bus.Options{
		URL: g.url, UserKey: g.users.Path(r), InboxPrefix: r.Inbox(), LeaderReads: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = c.Publish(ctx, bus.Out{Subject: events.EventSubject("default", "p", "j", events.KindJob), ID: "forged"})
	wantDenied(t, err)
	_, err = c.Last(ctx, credential, ">")
	wantDenied(t, err)
	err = c.Look(ctx, bus.StageNeeds("other"))
	wantDenied(t, err)
}

func wantDenied(t *testing.T, err error) {
	t.Helper()
	if !fault.Has(err, fault.BusDenied) {
		t.Errorf("%v, want bus.denied", err)
	}
}
