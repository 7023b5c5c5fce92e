package api

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
)

func TestItemQueryRoundTrip(t *testing.T) {
	t.Parallel()
	for _, q := range []ItemQuery{{}, {State: ItemFailed, Limit: 500, Cursor: "a/b"}} {
		got, err := ParseItemQuery(q.Values())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(q, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	for _, raw := range []string{"state=gone", "limit=0", "limit=501", "x=y", "state=done&state=sent"} {
		v, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseItemQuery(v); !fault.Has(err, fault.HTTPBadRequest) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
