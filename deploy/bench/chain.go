package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// chain is what one would write by hand: a watermill Router with five handlers
// over watermill-nats, each publishing to the next one's topic. It keeps no
// state, has no retries of its own and forgets what it did.
type chain struct {
	b      *broker
	nc     *nats.Conn
	router *message.Router
	pub    message.Publisher
	ended  chan error
}

func openChain(ctx context.Context, s settings, dir string, done func(int)) (contender, error) {
	b, err := openBroker(s, dir)
	if err != nil {
		return nil, err
	}
	c := &chain{b: b, ended: make(chan error, 1)}
	if c.nc, err = b.connect(); err != nil {
		return nil, err
	}
	legacy, err := c.nc.JetStream()
	if err != nil {
		return nil, err
	}
	if _, err := legacy.AddStream(&nats.StreamConfig{
		Name: "CHAIN", Subjects: []string{"chain.*"}, Retention: nats.WorkQueuePolicy,
	}); err != nil {
		return nil, err
	}
	if c.pub, err = c.publisher(); err != nil {
		return nil, err
	}
	if c.router, err = message.NewRouter(message.RouterConfig{}, watermill.NopLogger{}); err != nil {
		return nil, err
	}
	for hop := range hops {
		if err := c.add(hop, done); err != nil {
			return nil, err
		}
	}
	go func() { c.ended <- c.router.Run(context.WithoutCancel(ctx)) }()
	select {
	case <-c.router.Running():
	case err := <-c.ended:
		return nil, err
	}
	return c, nil
}

func (c *chain) publisher() (message.Publisher, error) {
	nc, err := c.b.connect()
	if err != nil {
		return nil, err
	}
	return wmnats.NewPublisherWithNatsConn(nc, wmnats.PublisherPublishConfig{
		Marshaler: &wmnats.NATSMarshaler{}, SubjectCalculator: wmnats.DefaultSubjectCalculator,
		JetStream: wmnats.JetStreamConfig{TrackMsgId: true},
	}, watermill.NopLogger{})
}

func (c *chain) add(hop int, done func(int)) error {
	nc, err := c.b.connect()
	if err != nil {
		return err
	}
	sub, err := wmnats.NewSubscriberWithNatsConn(nc, wmnats.SubscriberSubscriptionConfig{
		Unmarshaler: &wmnats.NATSMarshaler{}, SubscribersCount: 16, AckWaitTimeout: 30 * time.Second,
		QueueGroupPrefix: "chain", SubjectCalculator: wmnats.DefaultSubjectCalculator,
		JetStream: wmnats.JetStreamConfig{
			DurablePrefix: "chain", DurableCalculator: func(prefix, topic string) string {
				return prefix + "-" + topic[len("chain."):]
			},
		},
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	topic := "chain." + strconv.Itoa(hop)
	if hop+1 == hops {
		c.router.AddConsumerHandler(topic, topic, sub, func(m *message.Message) error {
			n, err := strconv.Atoi(m.Metadata.Get("job"))
			done(n)
			return err
		})
		return nil
	}
	pub, err := c.publisher()
	if err != nil {
		return err
	}
	c.router.AddHandler(topic, topic, sub, "chain."+strconv.Itoa(hop+1), pub,
		func(m *message.Message) ([]*message.Message, error) {
			return []*message.Message{hopMessage(hop+1, m.Metadata.Get("job"))}, nil
		})
	return nil
}

func hopMessage(hop int, job string) *message.Message {
	m := message.NewMessage(fmt.Sprintf("%s/%d", job, hop), payload)
	m.Metadata.Set("job", job)
	return m
}

func (c *chain) start(_ context.Context, n int) error {
	return c.pub.Publish("chain.0", hopMessage(0, strconv.Itoa(n)))
}

func (c *chain) stored(ctx context.Context) (uint64, error) {
	js, err := jetstream.New(c.nc)
	if err != nil {
		return 0, err
	}
	return lastOf(ctx, js, "CHAIN")
}

func (c *chain) close() error {
	if err := c.router.Close(); err != nil {
		return err
	}
	<-c.ended
	c.nc.Close()
	return c.b.close()
}
