package bus_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

func TestNext(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	for i := range 6 {
		_, err := c.Commit(t.Context(), bus.Out{
			Subject: events.EventSubject("default", "p", fmt.Sprintf("j%d", i%2), events.KindJob),
			ID:      fmt.Sprint(i), Data: fmt.Append(nil, i),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for from := uint64(0); ; {
		m, err := c.Next(t.Context(), events.StreamEvents, events.HistoryFilter("default", "j1"), from)
		if fault.Has(err, fault.BusNotFound) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got, from = append(got, string(m.Data)), m.Sequence+1
	}
	if diff := cmp.Diff([]string{"1", "3", "5"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Next(t.Context(), "NONE", ">", 1); err == nil {
		t.Error("there is a message in no stream")
	}
}

func TestKVEach(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	kv, err := c.KV(t.Context(), events.BucketOperations)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a.1.head", "a.2.head", "a.1.items.0", "b.1.head"} {
		if _, err := kv.Put(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := kv.Delete(t.Context(), "a.2.head"); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]int{"*.*.head": 2, "a.*.head": 1, "c.>": 0} {
		n := 0
		err := kv.Each(t.Context(), pattern, func(e *bus.Entry) error {
			if string(e.Value) != e.Key || e.Revision == 0 {
				t.Errorf("%+v", e)
			}
			n++
			return nil
		})
		if err != nil || n != want {
			t.Errorf("%s: %d, %v", pattern, n, err)
		}
		if keys, err := kv.Matching(t.Context(), pattern); err != nil || len(keys) != want {
			t.Errorf("%s: keys %v, %v", pattern, keys, err)
		}
	}
}
