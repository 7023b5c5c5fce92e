package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmjs "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/jetstream"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// A program that knows nothing but watermill-nats publishes; a router of ours
// receives.
func TestFromWatermillNATS(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	c := bustest.ConnectWith(t, bus.Options{URL: "nats://" + s.Addr().String(), Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	pub, err := wmnats.NewPublisher(wmnats.PublisherConfig{
		URL: "nats://" + s.Addr().String(), Marshaler: &wmnats.NATSMarshaler{},
		JetStream: wmnats.JetStreamConfig{AutoProvision: false},
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pub.Close() }()
	m := message.NewMessage("uuid-1", []byte("hello"))
	m.Metadata.Set("ce-type", "x.v1")
	m.Metadata.Set("traceparent", "00-1-2-03")
	if err := pub.Publish(events.SubmitSubject("default", "p"), m); err != nil {
		t.Fatal(err)
	}
	got := make(chan *bus.Message, 1)
	start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
		got <- m
		return nil
	}))
	g := <-got
	if g.ID != "uuid-1" || string(g.Data) != "hello" || g.Header["ce-type"] != "x.v1" ||
		g.Header["traceparent"] != "00-1-2-03" {
		t.Errorf("%+v", g)
	}
}

// Our publisher's messages reach both subscribers of watermill-nats.
func TestToWatermillNATS(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	url := "nats://" + s.Addr().String()
	w := worldOf(t, s)
	if _, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "TASKS", Subjects: []string{"TASKS"},
	}); err != nil {
		t.Fatal(err)
	}
	push, err := wmnats.NewSubscriber(wmnats.SubscriberConfig{
		URL: url, Unmarshaler: &wmnats.NATSMarshaler{}, SubscribersCount: 1,
		JetStream: wmnats.JetStreamConfig{SubscribeOptions: []nats.SubOpt{nats.DeliverAll(), nats.AckExplicit()}},
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	pull, err := wmjs.NewSubscriber(wmjs.SubscriberConfig{
		Conn: conn, AckWaitTimeout: 5 * time.Second, Logger: watermill.NopLogger{},
		ResourceInitializer: wmjs.EphemeralConsumer(),
	})
	if err != nil {
		t.Fatal(err)
	}
	subs := map[string]message.Subscriber{"push": push, "pull": pull}
	ins := map[string]<-chan *message.Message{}
	for name, sub := range subs {
		if ins[name], err = sub.Subscribe(t.Context(), "TASKS"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	c := bustest.ConnectWith(t, bus.Options{URL: url, Log: bustest.Log(t)})
	m := message.NewMessage("uuid-1", []byte("hello"))
	m.Metadata = message.Metadata{"ce-type": "x.v1", "bad key:": "y"}
	for range 2 { // the second is a duplicate
		if err := bus.NewPublisher(c).Publish("TASKS", m); err != nil {
			t.Fatal(err)
		}
	}
	for name, in := range ins {
		g := <-in
		want := message.Metadata{"ce-type": "x.v1", "bad-key": "y"}
		if diff := cmp.Diff(want, g.Metadata); diff != "" || g.UUID != "uuid-1" || string(g.Payload) != "hello" {
			t.Errorf("%s: %s %s\n%s", name, g.UUID, g.Payload, diff)
		}
		g.Ack()
	}
	if _, err := c.Get(t.Context(), "TASKS", 2); err == nil {
		t.Error("the duplicate was stored")
	}
}

func TestPublisherWantsAnID(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	p := bus.NewPublisher(c)
	subject := events.ControlSubject("default", "j")
	if err := p.Publish(subject, message.NewMessage("", nil)); !fault.Has(err, fault.BusBadMessage) {
		t.Errorf("no id: %v, want bus.bad_message", err)
	}
	m := message.NewMessage("uuid-1", nil)
	m.Metadata.Set(events.HeaderMsgID, "own")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.SetContext(ctx) // the result was computed before the time was up
	if err := p.Publish(subject, m); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get(t.Context(), events.StreamControl, 1); err != nil || got.ID != "own" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := p.Publish(subject); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := p.Close(); err != nil || !c.Connected() {
		t.Errorf("closing the publisher: %v, connected %v", err, c.Connected())
	}
}

// What a message was told to the broker with is not told again by its copies.
func TestReceivedMetadataCanBeRepublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	for _, name := range []string{"A", "B"} {
		if _, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	c := bustest.Connect(t, w.server)
	sub, err := bus.NewSubscriber(c, bus.SubscriberOptions{
		Drain: time.Second,
		Locate: func(ctx context.Context, topic string) (bus.Source, error) {
			_, err := w.js.CreateOrUpdateConsumer(ctx, topic, jetstream.ConsumerConfig{
				Durable: "d", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second,
			})
			return bus.Source{Stream: topic, Consumer: "d", AckWait: time.Second}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	in, err := sub.Subscribe(t.Context(), "A")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(t.Context(), bus.Out{
		Subject: "A", ID: "id", Header: map[string]string{"x": "y"}, Fence: &bus.Fence{Filter: "A"},
	}); err != nil {
		t.Fatal(err)
	}
	m := <-in
	if diff := cmp.Diff(message.Metadata{"x": "y"}, m.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if err := bus.NewPublisher(c).Publish("B", m); err != nil {
		t.Errorf("publish the copy: %v", err)
	}
	m.Ack()
	if _, err := sub.Subscribe(t.Context(), "nothing"); err == nil {
		t.Error("subscribed to a stream that does not exist")
	}
	if err := sub.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := sub.Subscribe(t.Context(), "A"); !fault.Has(err, fault.BusClosed) {
		t.Errorf("subscribe after close: %v, want bus.closed", err)
	}
}
