package bus_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// A header that repeats a key must not stop the consumer, nor come again for
// ever. What is behind it in the queue is handled.
func TestUndecodableMessageIsSetAside(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	got := make(chan *bus.Message, 10)
	sub := intake(func(_ context.Context, m *bus.Message) error { got <- m; return nil })
	sub.MaxInFlight = 1
	start(t, c, bus.RouterOptions{}, sub)
	m := nats.NewMsg(events.SubmitSubject("default", "p"))
	m.Header.Add("X-Tag", "a")
	m.Header.Add("X-Tag", "b")
	m.Data = []byte("rubbish")
	for range 3 {
		if err := w.nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	submit(t, c, 1)
	if m := <-got; m.ID != "s-0" {
		t.Errorf("handled: %+v", m)
	}
	w.empty(t, events.StreamIntake)
	all := letters(t, c)
	if len(all) != 3 {
		t.Fatalf("%d dead letters, want 3", len(all))
	}
	for i, l := range all {
		if l.Code != string(fault.BusUndecodable) || l.Reason != `header "X-Tag" has 2 values` ||
			l.Sequence != uint64(i+1) || string(l.Data) != "rubbish" || len(l.Headers["X-Tag"]) != 2 {
			t.Errorf("letter: %+v", l)
		}
	}
	if len(got) != 0 {
		t.Errorf("a handler was given rubbish: %+v", <-got)
	}
}

// Odd messages that are messages nonetheless: a handler sees each of them.
func TestOddMessagesAreDelivered(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	noise := make([]byte, 1<<20-4096)
	_, _ = rand.Read(noise)
	header := func(kv ...string) nats.Header {
		h := nats.Header{}
		for i := 0; i < len(kv); i += 2 {
			h[kv[i]] = []string{kv[i+1]}
		}
		return h
	}
	cases := []struct {
		name string
		msg  nats.Msg
		id   string
	}{
		{"plain", nats.Msg{Data: []byte("x")}, events.StreamIntake + ":1"},
		{"empty", nats.Msg{}, events.StreamIntake + ":2"},
		{"noise", nats.Msg{Data: noise}, events.StreamIntake + ":3"},
		{"bad uuid", nats.Msg{Header: header("_watermill_message_uuid", "not a\tuuid")}, "not a\tuuid"},
		{"looks like no messages", nats.Msg{Header: header("Status", "404")}, events.StreamIntake + ":5"},
		{
			"looks like a deleted consumer",
			nats.Msg{Header: header("Status", "409", "Description", "Consumer Deleted")},
			events.StreamIntake + ":6",
		},
		{"empty value", nats.Msg{Header: header("X", "", "Nats-Msg-Id", "odd-id")}, "odd-id"},
		{"reply subject", nats.Msg{Reply: "_INBOX.x", Data: []byte("y")}, events.StreamIntake + ":8"},
	}
	for _, tc := range cases {
		tc.msg.Subject = events.SubmitSubject("default", "p")
		if err := w.nc.PublishMsg(&tc.msg); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
	}
	got := make(chan *bus.Message, len(cases))
	sub := intake(func(_ context.Context, m *bus.Message) error { got <- m; return nil })
	sub.MaxInFlight = 1
	start(t, c, bus.RouterOptions{}, sub)
	for _, tc := range cases {
		m := <-got
		if m.ID != tc.id || !bytes.Equal(m.Data, tc.msg.Data) || m.Header == nil {
			t.Errorf("%s: id %q, %d bytes, headers %v", tc.name, m.ID, len(m.Data), m.Header)
		}
	}
	w.empty(t, events.StreamIntake)
	if all := letters(t, c); len(all) != 0 {
		t.Errorf("dead letters: %+v", all)
	}
}

func TestDeadLetterIsCut(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	start(t, c, bus.RouterOptions{}, intake(func(context.Context, *bus.Message) error {
		return bus.Reject(fault.SubmitInvalid, fmt.Errorf("%s", strings.Repeat("long ", 1000)))
	}))
	m := nats.NewMsg(events.SubmitSubject("default", "p"))
	m.Data = bytes.Repeat([]byte("n"), 900<<10)
	for i := range 60 { // the broker takes 64 KiB of headers
		m.Header[fmt.Sprintf("H%d", i)] = []string{strings.Repeat("v", 1000)}
	}
	if err := w.nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a letter", func() bool { return len(letters(t, c)) == 1 })
	l := letters(t, c)[0]
	size := 0
	for k, v := range l.Headers {
		size += len(k) + len(v[0])
	}
	if len(l.Data) != 64<<10 || l.Size != 900<<10 || size > 32<<10 || size < 30<<10 || len(l.Reason) > 1024 {
		t.Errorf("%d of %d bytes, %d bytes of headers, reason of %d",
			len(l.Data), l.Size, size, len(l.Reason))
	}
}

// A client that writes the protocol by hand can store header blocks that no
// library would make.
func TestHandMadeHeaders(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	c := bustest.ConnectWith(t, bus.Options{URL: "nats://" + s.Addr().String(), Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	got := make(chan *bus.Message, 20)
	start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error { got <- m; return nil }))
	raw, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	blocks := []string{
		"NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0\r\n: empty key\r\n\r\n", "rubbish\r\n\r\n",
		"NATS/1.0 404\r\n\r\n", "NATS/1.0\r\nA:1\r\nA:2\r\n\r\n", "NATS/1.0\r\nX: \xff\xfe\r\n\r\n",
		"NATS/1.0\r\nunfinished", "NATS/1.0 4\r\n\r\n",
	}
	fmt.Fprint(raw, `CONNECT {"verbose":false,"headers":true,"no_responders":true}`+"\r\n")
	for _, b := range blocks {
		fmt.Fprintf(raw, "HPUB %s %d %d\r\n%s\r\n", events.SubmitSubject("default", "p"), len(b), len(b)+2, b+"hi")
	}
	fmt.Fprint(raw, "PING\r\n")
	submit(t, c, 1)
	for m := range got {
		if m.ID == "s-0" { // everything else may be delivered or set aside
			break
		}
	}
	w := worldOf(t, s)
	w.empty(t, events.StreamIntake)
}
