package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// A worker of one stage needs no more rights than these: to pull its own two
// consumers, to settle what it was given, and to answer.
func TestWorkerWithLeastRights(t *testing.T) {
	t.Parallel()
	consumer := events.StageConsumer("hash")
	worker := &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			"$JS.API.CONSUMER.INFO." + events.StreamQueue + "." + consumer,
			"$JS.API.CONSUMER.MSG.NEXT." + events.StreamQueue + "." + consumer,
			"$JS.ACK." + events.StreamQueue + "." + consumer + ".>",
			events.OutcomeSubject("hash", "*", "*", "*"),
			events.DeadSubject(consumer, "*"),
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_hash.>"}},
	}
	s := bustest.Server(t, bustest.ServerOptions{Config: func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "operator", Password: "o"},
			{Username: "hash", Password: "h", Permissions: worker},
		}
	}})
	operator := bustest.ConnectWith(t, bus.Options{InProcess: s, User: "operator", Password: "o", Log: bustest.Log(t)})
	if err := operator.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	if err := operator.ProvisionStage(t.Context(), "hash", bus.StageConsumer{AckWait: 600 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	c := bustest.ConnectWith(t, bus.Options{
		InProcess: s, User: "hash", Password: "h", InboxPrefix: "_INBOX_hash",
		Timeout: 500 * time.Millisecond, Log: bustest.Log(t),
	})
	start(t, c, bus.RouterOptions{}, bus.Subscription{
		Stream: events.StreamQueue, Durable: consumer, MaxInFlight: 2, Drain: time.Second,
		Handle: func(ctx context.Context, m *bus.Message) error {
			if m.ID == "rubbish" {
				return bus.Reject(fault.JobUnknownOutcome, nil)
			}
			<-time.After(2 * time.Second) // needs its heartbeats
			return c.Publish(ctx, bus.Out{
				Subject: events.OutcomeSubject("hash", "default", "j", "s"), ID: "answer", Data: m.Data,
			})
		},
	})
	for _, id := range []string{"work", "rubbish"} {
		if err := operator.Publish(t.Context(), bus.Out{
			Subject: events.WorkSubject("hash", "default", "j", "s"), ID: id, Data: []byte(id),
		}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the answer is there", func() bool {
		m, err := operator.Get(t.Context(), events.StreamOutcomes, 1)
		return err == nil && string(m.Data) == "work"
	})
	eventually(t, "the queue is empty", func() bool {
		n, err := operator.Depth(t.Context(), events.StreamQueue)
		return err == nil && n == 0
	})
	if got := letters(t, operator); len(got) != 1 {
		t.Errorf("%d dead letters, want 1", len(got))
	}
	err := c.Publish(t.Context(), bus.Out{
		Subject: events.EventSubject("default", "p", "j", events.KindJob), ID: "forged",
	})
	if err == nil {
		t.Error("a worker could write an event")
	}
	if _, err := operator.Get(t.Context(), events.StreamEvents, 1); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("the forged event: %v, want bus.not_found", err)
	}
}
