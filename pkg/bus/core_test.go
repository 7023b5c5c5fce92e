package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

func TestRequestAndSubscribe(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	stop, err := c.Subscribe("ask.*", func(m *bus.Message) {
		_ = c.Send(m.Reply, map[string]string{"echo": m.Header["x"]}, append([]byte("re: "), m.Data...))
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Request(t.Context(), "ask.me", map[string]string{"x": "y"}, []byte("hi"))
	if err != nil || string(m.Data) != "re: hi" || m.Header["echo"] != "y" {
		t.Errorf("%+v, %v", m, err)
	}
	stop()
	stop()
	if _, err := c.Request(t.Context(), "ask.me", nil, nil); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("nobody listens: %v, want bus.not_found", err)
	}
	inbox := c.NewInbox()
	got := make(chan *bus.Message, 1)
	stop, err = c.Subscribe(inbox, func(m *bus.Message) { got <- m })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := c.Send(inbox, nil, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if m := <-got; string(m.Data) != "1" || m.Subject != inbox || m.Header == nil {
		t.Errorf("%+v", m)
	}
	if c.NewInbox() == inbox {
		t.Error("two inboxes are the same")
	}
}

// The live copies of records reach a tail, with their place in the stream.
func TestTail(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready, got, ended := make(chan struct{}), make(chan *bus.Message, 100), make(chan error, 1)
	go func() {
		ended <- c.Tail(ctx, events.LiveOf("default", "j0"), func(m *bus.Message) { got <- m },
			func() { close(ready) })
	}()
	<-ready
	history(t, c, 2, 1, 20)
	for i := range 20 {
		m := <-got
		kind := []string{events.KindJob, events.KindStep}[i%2]
		want := &bus.Message{
			Subject: events.LiveSubject("default", "j0", kind), ID: events.RecordID("default", "j0", uint64(i+1)),
			Data: fmt.Appendf(nil, "j0/%d", i+1), Stream: events.StreamEvents, Sequence: uint64(2*i + 1),
			Header: m.Header, Time: m.Time,
		}
		if diff := cmp.Diff(want, m); diff != "" || m.Header[events.HeaderRevision] != fmt.Sprint(i+1) {
			t.Fatalf("message %d (-want +got):\n%s", i, diff)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(got) != 0 {
		t.Errorf("more than was meant: %+v", <-got)
	}
}

// Tails that end under load: watermill-nats would close their channels while it
// sends to them.
func TestTailsEndUnderLoad(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	flood, stopFlood := context.WithCancel(t.Context())
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for flood.Err() == nil {
			for range 20 {
				_ = c.Send("flood.x", map[string]string{"a": "b"}, []byte("x"))
			}
			<-time.After(500 * time.Microsecond)
		}
	}()
	for i := range 60 {
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int32
		err := c.Tail(ctx, "flood.*", func(*bus.Message) {
			if n.Add(1) == int32(1+i%7) {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	stopFlood()
	<-flooded
}

func TestKV(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	ctx := t.Context()
	kv, err := c.KV(ctx, events.BucketPipelines)
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := kv.Keys(ctx, ""); err != nil || len(keys) != 0 {
		t.Errorf("an empty bucket has %v, %v", keys, err)
	}
	rev, err := kv.Create(ctx, "p.one", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(ctx, "p.one", nil); !fault.Has(err, fault.BusFenced) {
		t.Errorf("create again: %v, want bus.fenced", err)
	}
	next, err := kv.Update(ctx, "p.one", []byte("2"), rev)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Update(ctx, "p.one", []byte("3"), rev); !fault.Has(err, fault.BusFenced) {
		t.Errorf("update an old revision: %v, want bus.fenced", err)
	}
	if v, got, err := kv.Get(ctx, "p.one"); err != nil || string(v) != "2" || got != next {
		t.Errorf("get: %s at %d, %v", v, got, err)
	}
	for _, key := range []string{"p.two", "q"} {
		if _, err := kv.Put(ctx, key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := kv.Keys(ctx, "p.")
	if diff := cmp.Diff([]string{"p.one", "p.two"}, keys); diff != "" || err != nil {
		t.Errorf("keys: %v\n%s", err, diff)
	}
	if err := kv.Delete(ctx, "p.two"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"p.two", "never", "not a key", ""} {
		if _, _, err := kv.Get(ctx, key); !fault.Has(err, fault.BusNotFound) {
			t.Errorf("get %q: %v, want bus.not_found", key, err)
		}
	}
	history, err := kv.History(ctx, "p.one")
	if err != nil || len(history) != 2 || string(history[0].Value) != "1" || history[0].Revision != rev ||
		string(history[1].Value) != "2" || history[1].Time.Before(history[0].Time) || history[0].Time.IsZero() {
		t.Errorf("history: %+v, %v", history, err)
	}
	if history, err := kv.History(ctx, "p.two"); err != nil || len(history) != 2 || !history[1].Deleted {
		t.Errorf("history of what was removed: %+v, %v", history, err)
	}
	if _, err := kv.History(ctx, "never"); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("history of nothing: %v, want bus.not_found", err)
	}
	if _, err := c.KV(ctx, "nothing"); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("no such bucket: %v, want bus.not_found", err)
	}
}

func TestKVWatch(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	kv, err := c.KV(t.Context(), events.BucketPipelines)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a.1", "a.2", "b"} {
		if _, err := kv.Put(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	enough := errors.New("enough")
	err = kv.Watch(t.Context(), "a.*", func(e *bus.Entry) error {
		if e == nil {
			got = append(got, "-")
			_, err := kv.Put(t.Context(), "a.3", []byte("new"))
			return errors.Join(err, kv.Delete(t.Context(), "a.1"))
		}
		if got = append(got, fmt.Sprintf("%s=%s %v", e.Key, e.Value, e.Deleted)); e.Deleted {
			return enough
		}
		return nil
	})
	want := []string{"a.1=a.1 false", "a.2=a.2 false", "-", "a.3=new false", "a.1= true"}
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, enough) {
		t.Errorf("watch: %v\n%s", err, diff)
	}
}

func TestKVWatchSurvivesARestart(t *testing.T) {
	t.Parallel()
	r := newRestarts(t)
	c := r.connect()
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	kv, err := c.KV(t.Context(), events.BucketPipelines)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, ended := make(chan string, 10), make(chan error, 1)
	go func() {
		ended <- kv.Watch(ctx, ">", func(e *bus.Entry) error {
			if e == nil {
				got <- "-"
			} else {
				got <- e.Key
			}
			return nil
		})
	}()
	if first := <-got; first != "-" {
		t.Errorf("an empty bucket holds %s", first)
	}
	r.down()
	r.up()
	eventually(t, "the bucket can be written", func() bool {
		_, err := kv.Put(t.Context(), "a", nil)
		return err == nil
	})
	if key := <-got; key != "a" {
		t.Errorf("after the restart came %s", key)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
