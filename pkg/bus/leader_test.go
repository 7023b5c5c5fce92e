package bus

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// The leader and a replica tell the same about a message.
func TestLeaderAndReplicaAgree(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{
		DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	c, err := Connect(t.Context(), Options{InProcess: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "S", Subjects: []string{"s.*"}, AllowDirect: true,
	}); err != nil {
		t.Fatal(err)
	}
	for _, header := range []nats.Header{nil, {"A": {"b"}, "Nats-Msg-Id": {"id"}}} {
		m := &nats.Msg{Subject: "s.x", Data: []byte("data"), Header: header}
		if _, err := c.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		replica, err := c.Last(t.Context(), "S", "s.*")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range []wanted{{Last: "s.*"}, {Seq: replica.Sequence}} {
			leader, err := c.fromLeader(t.Context(), "S", w)
			if diff := cmp.Diff(replica, leader); err != nil || diff != "" {
				t.Errorf("%+v: %v\n%s", w, err, diff)
			}
		}
	}
	for _, w := range []wanted{{Last: "s.y"}, {Seq: 99}} {
		if _, err := c.fromLeader(t.Context(), "S", w); !fault.Has(err, fault.BusNotFound) {
			t.Errorf("%+v: %v, want bus.not_found", w, err)
		}
	}
}
