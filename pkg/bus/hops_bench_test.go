package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

const (
	hops       = 5
	hopSlots   = 64
	hopStream  = "HOPS"
	hopPayload = 1024
)

// BenchmarkFiveHops sends jobs through five consumers, each of which consumes,
// publishes to the next and acknowledges: once with nothing but nats.go, once
// with a bus router. The last line is the ratio of the two.
//
//	go test -run '^$' -bench FiveHops ./pkg/bus
func BenchmarkFiveHops(b *testing.B) {
	for _, synced := range []bool{false, true} {
		name := "relaxed"
		if synced {
			name = "synced"
		}
		b.Run(name, func(b *testing.B) { benchHops(b, synced) })
	}
}

func benchHops(b *testing.B, synced bool) {
	rate := map[string]float64{}
	single := map[string]float64{}
	for _, kind := range []string{"raw", "bus"} {
		b.Run(kind+"/load", func(b *testing.B) {
			h := startHops(b, kind, synced)
			b.ResetTimer()
			h.inject(b, b.N)
			h.await(b, b.N)
			b.StopTimer()
			rate[kind] = float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate[kind], "jobs/s")
			b.ReportAllocs()
		})
		b.Run(kind+"/single", func(b *testing.B) {
			h := startHops(b, kind, synced)
			b.ResetTimer()
			for range b.N {
				h.inject(b, 1)
				h.await(b, 1)
			}
			b.StopTimer()
			single[kind] = b.Elapsed().Seconds() / float64(b.N)
			b.ReportAllocs()
		})
	}
	if rate["raw"] > 0 && single["raw"] > 0 {
		fmt.Printf("bus / raw: %.2f of the jobs/s, %.2f times the time of a single job\n",
			rate["bus"]/rate["raw"], single["bus"]/single["raw"])
	}
}

// hopBench is a chain of five consumers.
type hopBench struct {
	world
	conn *bus.Conn
	done chan struct{}
	sent int
}

func startHops(b *testing.B, kind string, synced bool) *hopBench {
	h := &hopBench{
		world: newWorld(b, bustest.ServerOptions{SyncAlways: synced}),
		done:  make(chan struct{}, 1<<20),
	}
	ctx := b.Context()
	if _, err := h.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: hopStream, Subjects: []string{"hop.*"}, Duplicates: 10 * time.Second,
	}); err != nil {
		b.Fatal(err)
	}
	for i := range hops {
		if _, err := h.js.CreateConsumer(ctx, hopStream, jetstream.ConsumerConfig{
			Durable: hopName(i), FilterSubject: "hop." + hopName(i), AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: 30 * time.Second, MaxAckPending: 10_000, MaxWaiting: 4096,
		}); err != nil {
			b.Fatal(err)
		}
	}
	if kind == "raw" {
		h.startRaw(b)
	} else {
		h.startBus(b)
	}
	return h
}

func hopName(i int) string { return fmt.Sprintf("h%d", i) }

func (h *hopBench) startRaw(b *testing.B) {
	for i := range hops {
		cons, err := h.js.Consumer(b.Context(), hopStream, hopName(i))
		if err != nil {
			b.Fatal(err)
		}
		slots := make(chan struct{}, hopSlots)
		var running sync.WaitGroup
		cc, err := cons.Consume(func(m jetstream.Msg) {
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				out := nats.NewMsg("hop." + hopName(i+1))
				out.Header.Set(jetstream.MsgIDHeader, nextID(m.Headers().Get(jetstream.MsgIDHeader), i))
				out.Data = m.Data()
				if _, err := h.js.PublishMsg(context.Background(), out); err != nil {
					b.Error(err)
					return
				}
				_ = m.Ack()
				if i == hops-1 {
					h.done <- struct{}{}
				}
			})
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { cc.Stop(); <-cc.Closed(); running.Wait() })
	}
}

func (h *hopBench) startBus(b *testing.B) {
	h.conn = bustest.Connect(b, h.server)
	subs := make([]bus.Subscription, hops)
	for i := range subs {
		subs[i] = bus.Subscription{
			Stream: hopStream, Durable: hopName(i), MaxInFlight: hopSlots,
			Handle: func(ctx context.Context, m *bus.Message) error {
				if err := h.conn.Publish(ctx, bus.Out{
					Subject: "hop." + hopName(i+1), ID: nextID(m.ID, i), Data: m.Data,
				}); err != nil {
					return err
				}
				if i == hops-1 {
					h.done <- struct{}{}
				}
				return nil
			},
		}
	}
	start(b, h.conn, bus.RouterOptions{}, subs...)
}

// nextID turns job/hop into job/hop+1.
func nextID(id string, hop int) string { return id[:len(id)-1] + string(rune('1'+hop)) }

func (h *hopBench) inject(b *testing.B, n int) {
	data := make([]byte, hopPayload)
	for range n {
		h.sent++
		m := nats.NewMsg("hop." + hopName(0))
		m.Header.Set(jetstream.MsgIDHeader, fmt.Sprintf("job-%d/0", h.sent))
		m.Data = data
		if _, err := h.js.PublishMsgAsync(m); err != nil {
			b.Fatal(err)
		}
	}
}

func (h *hopBench) await(b *testing.B, n int) {
	limit := time.After(2 * time.Minute)
	for range n {
		select {
		case <-h.done:
		case <-limit:
			b.Fatal("the jobs did not arrive within 2 minutes")
		}
	}
}

// BenchmarkOneSlot is the rate of a subscription that holds one message at a
// time: each waits for the round trip of its own request.
func BenchmarkOneSlot(b *testing.B) {
	for _, tcp := range []bool{false, true} {
		b.Run(map[bool]string{false: "in-process", true: "tcp"}[tcp], func(b *testing.B) {
			w := newWorld(b, bustest.ServerOptions{Listen: tcp})
			c := bustest.Connect(b, w.server)
			if tcp {
				c = bustest.ConnectWith(b, bus.Options{URL: "nats://" + w.server.Addr().String()})
			}
			if err := c.Provision(b.Context(), bus.Streams{}); err != nil {
				b.Fatal(err)
			}
			for i := 0; i < b.N; i += 1000 {
				outs := make([]bus.Out, min(1000, b.N-i))
				for j := range outs {
					outs[j] = control(i + j)
				}
				if err := c.Publish(b.Context(), outs...); err != nil {
					b.Fatal(err)
				}
			}
			done, left := make(chan struct{}), b.N
			b.ResetTimer()
			start(b, c, bus.RouterOptions{}, bus.Subscription{
				Stream: events.StreamControl, Durable: events.ConsumerControl,
				Handle: func(context.Context, *bus.Message) error {
					if left--; left == 0 {
						close(done)
					}
					return nil
				},
			})
			<-done
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
