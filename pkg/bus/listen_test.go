package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// TestListen tells what a bucket holds, then that this is all, then what changes.
func TestListen(t *testing.T) {
	t.Parallel()
	_, c := provisioned(t, bustest.ServerOptions{})
	kv, err := c.KV(t.Context(), events.BucketBreakers)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a.x", "b.x", "b.y", "a.x"} {
		if _, err := kv.Put(t.Context(), key, []byte("of "+key)); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	var got []string
	err = kv.Listen(t.Context(), "*.x", func(e *bus.Entry) error {
		switch {
		case e == nil:
			got = append(got, "all")
			_, perr := kv.Put(t.Context(), "c.x", []byte("new"))
			return errors.Join(perr, kv.Delete(t.Context(), "c.x"))
		case e.Deleted:
			got = append(got, "no "+e.Key)
			return enough
		}
		got = append(got, e.Key+" "+string(e.Value))
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b.x of b.x", "a.x of a.x", "all", "c.x new", "no c.x"}, got); diff != "" {
		t.Error(diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = kv.Listen(ctx, ">", func(e *bus.Entry) error {
		if e == nil {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("at the end of the context: %v", err)
	}
}

// TestRestore makes again what was provisioned and has gone.
func TestRestore(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	if err := c.ProvisionStage(t.Context(), "hash", bus.StageConsumer{}); err != nil {
		t.Fatal(err)
	}
	needs := bus.StageNeeds("hash")
	for _, stream := range []string{events.StreamQueue, events.StreamProgress} {
		if err := w.js.DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Look(t.Context(), needs); err == nil {
		t.Error("the queue is gone, and nothing is missing")
	}
	if err := c.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Look(t.Context(), needs); err != nil {
		t.Error(err)
	}
	if err := c.Look(t.Context(), bus.ConductorNeeds()); err != nil {
		t.Error(err)
	}
	if _, err := c.Depth(t.Context(), events.StreamProgress); err != nil {
		t.Error(err)
	}
}
