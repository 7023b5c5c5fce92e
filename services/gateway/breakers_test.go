package gateway_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestBreakers(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	var list api.BreakerList
	ask(t, "GET", w.URL+"/v1/breakers", nil).into(t, 200, &list)
	if list.Breakers == nil || len(list.Breakers) != 0 {
		t.Errorf("nobody has said anything, and the list is %+v", list)
	}
	kv, err := w.Conn.KV(t.Context(), events.BucketBreakers)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	word := func(dependency, worker string, state events.BreakerState) events.Breaker {
		b := events.Breaker{Dependency: dependency, Worker: worker, State: state, Since: now, Time: now, Reason: "s3.unreachable", Stages: []string{"publish-s3"}}
		data, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.Put(t.Context(), events.BreakerKey(worker, dependency), data); err != nil {
			t.Fatal(err)
		}
		return b
	}
	word("s3:a", "one", events.BreakerOpen)
	want := []events.Breaker{
		word("http:b", "two", events.BreakerHalfOpen),
		word("s3:a", "one", events.BreakerClosed),
		word("s3:a", "two", events.BreakerOpen),
	}
	if _, err := kv.Put(t.Context(), "rubbish", []byte("{")); err != nil {
		t.Fatal(err)
	}
	ask(t, "GET", w.URL+"/v1/breakers", nil).into(t, 200, &list)
	if diff := cmp.Diff(want, list.Breakers); diff != "" {
		t.Error(diff)
	}
}
