package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// payload is what a job carries in the two baselines.
var payload = bytes.Repeat([]byte("x"), 1024)

// limit is the least that five durable hops can cost on this broker: raw
// nats.go, five durable consumers on one work queue, each consuming, publishing
// the next hop with a message id, waiting for the broker to have it, and
// acknowledging.
type limit struct {
	b       *broker
	conns   []*nats.Conn
	js      jetstream.JetStream
	workers sync.WaitGroup
	stops   []jetstream.ConsumeContext
}

func openLimit(ctx context.Context, s settings, dir string, done func(int)) (contender, error) {
	b, err := openBroker(s, dir)
	if err != nil {
		return nil, err
	}
	l := &limit{b: b}
	js, err := l.jetStream()
	if err != nil {
		return nil, err
	}
	l.js = js
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "HOPS", Subjects: []string{"hop.*.*"}, Retention: jetstream.WorkQueuePolicy,
	})
	if err != nil {
		return nil, err
	}
	for hop := range hops {
		if err := l.serve(ctx, stream, hop, done); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *limit) jetStream() (jetstream.JetStream, error) {
	nc, err := l.b.connect()
	if err != nil {
		return nil, err
	}
	l.conns = append(l.conns, nc)
	return jetstream.New(nc)
}

func (l *limit) serve(ctx context.Context, stream jetstream.Stream, hop int, done func(int)) error {
	js, err := l.jetStream()
	if err != nil {
		return err
	}
	made, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "hop-" + strconv.Itoa(hop), FilterSubject: fmt.Sprintf("hop.%d.*", hop),
		AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 4096,
	})
	if err != nil {
		return err
	}
	own, err := js.Consumer(ctx, "HOPS", made.CachedInfo().Name)
	if err != nil {
		return err
	}
	slots := make(chan struct{}, 256)
	cc, err := own.Consume(func(m jetstream.Msg) {
		slots <- struct{}{}
		l.workers.Go(func() {
			defer func() { <-slots }()
			l.handle(ctx, js, hop, m, done)
		})
	}, jetstream.PullMaxMessages(512))
	l.stops = append(l.stops, cc)
	return err
}

func (l *limit) handle(ctx context.Context, js jetstream.JetStream, hop int, m jetstream.Msg, done func(int)) {
	var at, n int
	if _, err := fmt.Sscanf(m.Subject(), "hop.%d.%d", &at, &n); err != nil {
		return
	}
	if hop+1 < hops {
		if err := l.publish(ctx, js, hop+1, n); err != nil {
			return
		}
	} else {
		done(n)
	}
	_ = m.Ack()
}

func (l *limit) publish(ctx context.Context, js jetstream.JetStream, hop, n int) error {
	subject := fmt.Sprintf("hop.%d.%d", hop, n)
	_, err := js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: payload}, jetstream.WithMsgID(subject))
	return err
}

func (l *limit) start(ctx context.Context, n int) error { return l.publish(ctx, l.js, 0, n) }

func (l *limit) stored(ctx context.Context) (uint64, error) { return lastOf(ctx, l.js, "HOPS") }

// lastOf is the last sequence of a stream.
func lastOf(ctx context.Context, js jetstream.JetStream, name string) (uint64, error) {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}

func (l *limit) close() error {
	for _, s := range l.stops {
		s.Stop()
		<-s.Closed()
	}
	l.workers.Wait()
	for _, nc := range l.conns {
		nc.Close()
	}
	return l.b.close()
}
