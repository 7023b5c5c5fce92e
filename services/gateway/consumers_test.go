package gateway_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestConsumers looks at a stage that nobody serves and that has one message.
func TestConsumers(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	if err := w.Conn.ProvisionStage(t.Context(), "hash", bus.StageConsumer{}); err != nil {
		t.Fatal(err)
	}
	err := w.Conn.Publish(t.Context(), bus.Out{Subject: events.WorkSubject("hash", "default", "j", "s"), ID: "1", Data: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	var list api.ConsumerList
	ask(t, "GET", w.URL+"/v1/consumers", nil).into(t, 200, &list)
	got := make(map[string]api.Consumer)
	for _, c := range list.Consumers {
		got[c.Name] = c
	}
	hash := got[events.StageConsumer("hash")]
	if hash.Oldest.IsZero() || hash.OldestSeconds < 0 || time.Since(hash.Oldest) < 0 {
		t.Errorf("the oldest is of %v, %v s ago", hash.Oldest, hash.OldestSeconds)
	}
	hash.Oldest, hash.OldestSeconds = time.Time{}, 0
	if diff := cmp.Diff(api.Consumer{Name: "stage-hash", Stage: "hash", Pending: 1}, hash); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(api.Consumer{Name: "undo-hash", Stage: "hash", Undo: true}, got[events.UndoConsumer("hash")]); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{events.ConsumerIntake, events.ConsumerOutcomes, events.ConsumerControl, events.ConsumerDue, events.ConsumerTimers} {
		if got[name].Name != name || got[name].Stage != "" {
			t.Errorf("%s: %+v", name, got[name])
		}
	}
}
