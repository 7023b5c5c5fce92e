package deadletter_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/deadletter"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
	)
}

// world is a broker with streams, and a store.
type world struct {
	t      *testing.T
	server *server.Server
	conn   *bus.Conn
	store  *deadletter.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := bustest.Server(t, bustest.ServerOptions{})
	conn := bustest.Connect(t, s)
	if err := conn.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, server: s, conn: conn, store: deadletter.New(conn)}
}

// withJetStream does what package bus does not offer.
func (w *world) withJetStream(do func(jetstream.JetStream) error) {
	w.t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(w.server))
	if err != nil {
		w.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil {
		err = do(js)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// intakeTakes sets how many messages the intake holds.
func (w *world) intakeTakes(n int64) {
	w.t.Helper()
	w.withJetStream(func(js jetstream.JetStream) error {
		s, err := js.Stream(w.t.Context(), events.StreamIntake)
		if err != nil {
			return err
		}
		cfg := s.CachedInfo().Config
		cfg.MaxMsgs = n
		_, err = js.UpdateStream(w.t.Context(), cfg)
		return err
	})
}

// at is when the streams of the tests had stored what the letters are about.
var at = time.Unix(1_700_000_000, 123).UTC()

// bury stores a letter as a consumer does.
func (w *world) bury(tenant string, l events.DeadLetter) {
	w.t.Helper()
	if l.Consumer == "" {
		l.Consumer = events.ConsumerIntake
	}
	if l.Stream == "" {
		l.Stream = events.StreamIntake
	}
	if l.Size == 0 {
		l.Size = int64(len(l.Data))
	}
	l.Time = time.Now().UTC()
	data, err := json.Marshal(l)
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.conn.Publish(w.t.Context(), bus.Out{
		Subject: events.DeadSubject(l.Consumer, tenant), Data: data,
		ID:     events.LetterID(l.Stream, l.Sequence, at),
		Header: map[string]string{events.HeaderCode: l.Code},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// reject hands a message in and lets a consumer of its stream refuse it.
func (w *world) reject(stream, durable string, code string, o bus.Out) {
	w.t.Helper()
	if err := w.conn.Publish(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
	r, err := bus.NewRouter(w.conn, bus.RouterOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	refused := make(chan struct{}, 16)
	err = r.Add(bus.Subscription{
		Stream: stream, Durable: durable, MaxInFlight: 1,
		Handle: func(context.Context, *bus.Message) error {
			refused <- struct{}{}
			return bus.Reject(codeOf(code), nil)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-refused
	cancel()
	if err := <-ended; err != nil {
		w.t.Fatal(err)
	}
}

// inside returns the messages that a stream holds under a subject.
func (w *world) inside(stream, filter string) []*bus.Message {
	w.t.Helper()
	var list []*bus.Message
	// A work queue has no scans; its messages are read one by one.
	for seq := uint64(1); seq <= 64; seq++ {
		m, err := w.conn.Get(w.t.Context(), stream, seq)
		if err == nil && m.Subject == filter {
			list = append(list, m)
		}
	}
	return list
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
