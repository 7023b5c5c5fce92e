package bus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// TestBacklogs looks at a stage of which one message is worked at and two wait, and
// at one that nobody serves.
func TestBacklogs(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	for _, stage := range []string{"hash", "scan"} {
		if err := c.ProvisionStage(t.Context(), stage, bus.StageConsumer{AckWait: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-time.Minute)
	for i := range 3 {
		out := bus.Out{Subject: events.WorkSubject("hash", "default", fmt.Sprint("j", i), "s"), ID: fmt.Sprint(i), Data: []byte("{}")}
		if err := c.Publish(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	taken, free := make(chan struct{}, 3), make(chan struct{})
	start(t, c, bus.RouterOptions{}, bus.Subscription{
		Stream: events.StreamQueue, Durable: events.StageConsumer("hash"), MaxInFlight: 1,
		Handle: func(context.Context, *bus.Message) error {
			taken <- struct{}{}
			<-free
			return nil
		},
	})
	t.Cleanup(func() { close(free) })
	<-taken
	got := make(map[string]bus.Backlog)
	list, err := c.Backlogs(t.Context(), events.StreamQueue)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		got[b.Consumer] = b
	}
	hash := got[events.StageConsumer("hash")]
	if hash.Oldest.Before(before) || hash.Pending+uint64(hash.InFlight) != 3 || hash.InFlight < 1 || hash.Delivered < 1 {
		t.Errorf("hash: %+v", hash)
	}
	idle := bus.Backlog{Consumer: events.StageConsumer("scan")}
	if diff := cmp.Diff(idle, got[idle.Consumer], cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Backlogs(t.Context(), "NONE"); err == nil {
		t.Error("no stream has consumers")
	}
}
