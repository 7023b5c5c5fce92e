package api_test

import (
	"net/url"
	"testing"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

func TestDeliveryQuery(t *testing.T) {
	t.Parallel()
	for _, q := range []api.DeliveryQuery{
		{}, {Webhook: "a", Job: "b", Outcome: api.DeliveryGivenUp, Limit: 7, Cursor: "x"},
	} {
		if got, err := api.ParseDeliveryQuery(q.Values()); err != nil || got != q {
			t.Errorf("%+v became %+v, %v", q, got, err)
		}
	}
	for _, text := range []string{"job=a.b", "webhook=*", "outcome=lost", "limit=0", "limit=x", "limit=501", "other=1", "job=a&job=b"} {
		v, err := url.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := api.ParseDeliveryQuery(v); !fault.Has(err, fault.HTTPBadRequest) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
