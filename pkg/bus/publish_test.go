package bus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

func control(i int) bus.Out {
	return bus.Out{
		Subject: events.ControlSubject("default", "j"), ID: fmt.Sprintf("c-%d", i),
		Data: fmt.Appendf(nil, "%d", i),
	}
}

func TestPublishKeepsOrderAndDropsDuplicates(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	var outs []bus.Out
	for i := range 500 {
		outs = append(outs, control(i), control(i/2))
	}
	for range 2 {
		if err := c.Publish(t.Context(), outs...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 500 {
		m, err := c.Get(t.Context(), events.StreamControl, uint64(i+1))
		if err != nil || string(m.Data) != fmt.Sprint(i) || m.ID != fmt.Sprintf("c-%d", i) {
			t.Fatalf("message %d: %+v, %v", i, m, err)
		}
	}
	if _, err := c.Get(t.Context(), events.StreamControl, 501); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("message 501: %v, want bus.not_found", err)
	}
}

func TestPublishRefusals(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	good := control(1)
	edit := func(f func(*bus.Out)) bus.Out { o := good; f(&o); return o }
	cases := map[string]struct {
		out  bus.Out
		want fault.Code
	}{
		"no id":            {edit(func(o *bus.Out) { o.ID = "" }), fault.BusBadMessage},
		"no subject":       {edit(func(o *bus.Out) { o.Subject = "" }), fault.BusBadMessage},
		"wildcard":         {edit(func(o *bus.Out) { o.Subject = "millrace.control.*.j" }), fault.BusBadMessage},
		"injected subject": {edit(func(o *bus.Out) { o.Subject = "a 1\r\nPUB b" }), fault.BusBadMessage},
		"fence of nothing": {edit(func(o *bus.Out) { o.Fence = &bus.Fence{} }), fault.BusBadMessage},
		"time, no target":  {edit(func(o *bus.Out) { o.At = time.Now() }), fault.BusBadMessage},
		"target, no time":  {edit(func(o *bus.Out) { o.Target = "x" }), fault.BusBadMessage},
		"too large":        {edit(func(o *bus.Out) { o.Data = make([]byte, 2<<20) }), fault.BusTooLarge},
	}
	for name, tc := range cases {
		if err := c.Publish(t.Context(), tc.out); !fault.Has(err, tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	if err := c.Publish(t.Context()); err != nil {
		t.Errorf("nothing: %v", err)
	}
}

func TestPublishWhereNobodyListens(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := c.Publish(ctx, bus.Out{Subject: "orders.new", ID: "1"})
	if !fault.Has(err, fault.BusUnreachable) || !strings.Contains(err.Error(), "no stream") {
		t.Errorf("%v, want bus.unreachable and why", err)
	}
}

// That nobody answers does not mean that there is no message.
func TestReadWithoutAStream(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	if err := w.js.DeleteStream(t.Context(), events.StreamEvents); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := c.Last(ctx, events.StreamEvents, events.AllEvents)
	if fault.ClassOf(err) != fault.DependencyDown && fault.ClassOf(err) != fault.Timeout {
		t.Errorf("%v, want bus.unreachable", err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := c.Last(t.Context(), events.StreamEvents, events.AllEvents)
		got <- err
	}()
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !fault.Has(err, fault.BusNotFound) {
		t.Errorf("%v, want bus.not_found once there is a stream to say so", err)
	}
}

// The broker's own headers count, not those a publisher made up.
func TestReadIsNotFooledByHeaders(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	m := nats.NewMsg(events.ControlSubject("default", "j"))
	m.Header = nats.Header{
		"Nats-Sequence": {"99"}, "Nats-Subject": {"x"}, "Nats-Stream": {"y"}, "Status": {"404"},
	}
	if _, err := w.js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got, err := c.Last(t.Context(), events.StreamControl, events.AllControl)
	if err != nil || got.Sequence != 1 || got.Subject != m.Subject || got.Stream != events.StreamControl {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPublishIntoAFullStream(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	s, err := w.js.Stream(t.Context(), events.StreamIntake)
	if err != nil {
		t.Fatal(err)
	}
	small := s.CachedInfo().Config
	small.MaxMsgs = 2
	if _, err := w.js.UpdateStream(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	submit(t, c, 2)
	err = c.Publish(t.Context(), bus.Out{Subject: events.SubmitSubject("default", "p"), ID: "x"})
	if !fault.Has(err, fault.BusStoreFull) {
		t.Errorf("%v, want bus.store_full", err)
	}
	if err := c.Purge(t.Context(), events.StreamIntake, events.SubmitSubject("default", "p")); err != nil {
		t.Fatal(err)
	}
	submit(t, c, 1)
}

// The store as a whole, not one stream's limit: what a small full disk looks like.
func TestPublishIntoAFullStore(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{MaxStore: 64 << 20})
	record := func(i int) bus.Out {
		job := fmt.Sprintf("j%d", i)
		return bus.Out{
			Subject: events.EventSubject("default", "p", job, events.KindJob),
			ID:      events.RecordID("default", job, 1), Data: make([]byte, 900<<10),
			Fence: &bus.Fence{Filter: events.HistoryFilter("default", job)},
		}
	}
	var err error
	for i := 0; i < 200 && err == nil; i++ {
		_, err = c.Commit(t.Context(), record(i))
	}
	if !fault.Has(err, fault.BusStoreFull) {
		t.Fatalf("%v, want bus.store_full", err)
	}
	if err := c.Purge(t.Context(), events.StreamEvents, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), record(1000)); err != nil {
		t.Errorf("after making room: %v", err)
	}
	s, err := w.js.Stream(t.Context(), events.StreamIntake)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().Config.MaxBytes; n <= 0 || n > 64<<20 {
		t.Errorf("the intake is bounded by %d bytes in a store of 64 MiB", n)
	}
}

func TestHeadersAreCleaned(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	out := control(1)
	out.Header = map[string]string{
		"a b:c": "1", "ce-type": "dev.millrace.x.v1", "ünïcode": "2", "": "3", ":::": "4",
		"inject": "x\r\nNats-Rollup: all", "traceparent": "00-1-2-03",
	}
	if err := c.Publish(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	m, err := c.Get(t.Context(), events.StreamControl, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"a-b-c": "1", "ce-type": "dev.millrace.x.v1", "n-code": "2",
		"inject": "x  Nats-Rollup: all", "traceparent": "00-1-2-03", events.HeaderMsgID: "c-1",
	}
	if diff := cmp.Diff(want, m.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestPublishGoesOnWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	p := bustest.NewProxy(t, s)
	back := make(chan struct{}, 1)
	c := bustest.ConnectWith(t, bus.Options{
		URL: p.URL(), Log: bustest.Log(t), OnReconnect: func() {
			select {
			case back <- struct{}{}:
			default:
			}
		},
	})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	p.Mute() // what is sent arrives, the answer does not
	outs := make([]bus.Out, 50)
	for i := range outs {
		outs[i] = control(i)
	}
	result := make(chan error, 1)
	go func() { result <- c.Publish(t.Context(), outs...) }()
	direct := bustest.ConnectWith(t, bus.Options{URL: "nats://" + s.Addr().String(), Log: bustest.Log(t)})
	eventually(t, "the messages are stored although nobody says so", func() bool {
		_, err := direct.Get(t.Context(), events.StreamControl, 50)
		return err == nil
	})
	p.Cut()
	p.Mend()
	<-back
	if err := <-result; err != nil {
		t.Fatalf("publish over a broken line: %v", err)
	}
	if m, err := direct.Get(t.Context(), events.StreamControl, 51); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("a message was stored twice: %+v, %v", m, err)
	}
}

func TestPublishWithoutABroker(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	c := bustest.ConnectWith(t, bus.Options{URL: "nats://" + s.Addr().String(), Log: bustest.Log(t)})
	bustest.Shutdown(s)
	eventually(t, "the loss is noticed", func() bool { return !c.Connected() })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Publish(ctx, control(1)); !fault.Has(err, fault.BusUnreachable) {
		t.Errorf("%v, want bus.unreachable", err)
	}
	if version, url := c.Server(); version != "" || url != "" {
		t.Errorf("a lost server is still shown: %q %q", version, url)
	}
}

func TestScheduledMessages(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	timer := func(job, data string, at time.Time) bus.Out {
		return bus.Out{
			Subject: events.TimerSubject("default", job, "s"), ID: job + "/" + data, Data: []byte(data),
			Header: map[string]string{"ce-type": "dev.millrace.timer.v1"},
			At:     at, Target: events.DueSubject("default", job),
		}
	}
	got := make(chan *bus.Message, 10)
	start(t, c, bus.RouterOptions{}, bus.Subscription{
		Stream: events.StreamQueue, Durable: events.ConsumerDue, MaxInFlight: 4, Drain: time.Second,
		Handle: func(_ context.Context, m *bus.Message) error { got <- m; return nil },
	})
	soon := time.Now().Add(300 * time.Millisecond)
	err := c.Publish(t.Context(),
		timer("late", "never", time.Now().Add(time.Hour)),
		timer("soon", "first", time.Now().Add(time.Hour)),
		timer("soon", "second", soon),
		timer("past", "now", time.Now().Add(-time.Hour)),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		events.DueSubject("default", "past"): "now", events.DueSubject("default", "soon"): "second",
	}
	for range want {
		m := <-got
		if want[m.Subject] != string(m.Data) || m.Header["ce-type"] != "dev.millrace.timer.v1" {
			t.Errorf("fired: %s %s %v", m.Subject, m.Data, m.Header)
		}
		if m.Subject == events.DueSubject("default", "soon") && time.Now().Before(soon) {
			t.Error("a timer fired early")
		}
	}
	if err := c.Publish(t.Context(), bus.Out{
		Subject: events.TimerSubject("default", "j", "s"), ID: "x",
		At: soon, Target: "orders.new",
	}); err == nil || strings.Contains(err.Error(), "unreachable") {
		t.Errorf("a target outside of the stream: %v", err)
	}
}
