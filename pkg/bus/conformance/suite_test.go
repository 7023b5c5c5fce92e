package conformance_test

import (
	"context"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// world is a broker and a JetStream client of its own, to make streams and
// consumers with that this package does not know.
type world struct {
	server *server.Server
	js     jetstream.JetStream
}

func newWorld(t testing.TB) world {
	t.Helper()
	s := bustest.Server(t, bustest.ServerOptions{})
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return world{s, js}
}

// suiteShape is one way to set up the pair under Watermill's suite.
type suiteShape struct {
	inFlight int
	// durable is shared by all subscribers of a topic; empty gives each its own
	// consumer.
	durable string
}

func (w world) pair(t *testing.T, shape suiteShape, group string) (message.Publisher, message.Subscriber) {
	c := bustest.Connect(t, w.server)
	if group != "" {
		shape.durable = group
	}
	s, err := bus.NewSubscriber(c, bus.SubscriberOptions{
		MaxInFlight: shape.inFlight, Drain: 100 * time.Millisecond, KillGrace: 100 * time.Millisecond,
		NackDelay: func(int) time.Duration { return 0 },
		Initialize: func(topic string) error {
			_, err := w.js.CreateOrUpdateStream(context.Background(),
				jetstream.StreamConfig{Name: topic, Subjects: []string{topic}})
			return err
		},
		Locate: func(ctx context.Context, topic string) (bus.Source, error) {
			cons, err := w.js.CreateOrUpdateConsumer(ctx, topic, jetstream.ConsumerConfig{
				Durable: shape.durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 5 * time.Second,
			})
			if err != nil {
				return bus.Source{}, err
			}
			return bus.Source{
				Stream: topic, Consumer: cons.CachedInfo().Name, AckWait: 5 * time.Second,
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bus.NewPublisher(c), s
}

func (w world) suite(t *testing.T, shape suiteShape, f tests.Features) {
	tests.TestPubSub(t, f,
		func(t *testing.T) (message.Publisher, message.Subscriber) { return w.pair(t, shape, "") },
		func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
			return w.pair(t, shape, group)
		})
}

// One message in flight and a consumer for each subscriber: order is kept.
func TestWatermillSuiteOrdered(t *testing.T) {
	t.Parallel()
	newWorld(t).suite(t, suiteShape{inFlight: 1}, tests.Features{
		ConsumerGroups: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true,
		Persistent: true, NewSubscriberReceivesOldMessages: true, ForceShort: raceDetector,
	})
}

// Sixteen in flight on one durable consumer that all subscribers share: how a
// stage runs.
func TestWatermillSuiteShared(t *testing.T) {
	t.Parallel()
	newWorld(t).suite(t, suiteShape{inFlight: 16, durable: "stage"}, tests.Features{
		ConsumerGroups: true, Persistent: true, ForceShort: raceDetector,
	})
}
