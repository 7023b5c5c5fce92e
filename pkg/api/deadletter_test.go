package api

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
)

func TestDeadLetterQueryRoundTrip(t *testing.T) {
	t.Parallel()
	for _, q := range []DeadLetterQuery{
		{},
		{
			Consumer: "stage-hash", Code: "submit.invalid", State: DeadOpen, Limit: 500, Cursor: "a/b",
			Since: time.Date(2026, 1, 2, 3, 4, 5, 6000000, time.UTC),
		},
	} {
		got, err := ParseDeadLetterQuery(q.Values())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(q, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	for _, raw := range []string{
		"consumer=a.b", "state=gone", "since=yesterday", "limit=0", "limit=501", "x=y", "code=a&code=b",
	} {
		v, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseDeadLetterQuery(v); !fault.Has(err, fault.HTTPBadRequest) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
