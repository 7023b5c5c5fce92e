package jobview

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// TestSearchPassesOverOthers: what is found of a tenant is found whether or not there are
// others, and those of others that have a word are not even counted: else how many there are
// would show in where pages end.
func TestSearchPassesOverOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 60 {
			w.write(job{id: fmt.Sprintf("j%d", i), key: []string{"north", "south"}[i%2]})
		}
		w.write(job{id: "both", key: "north-south"})
		check := func(when string) {
			t.Helper()
			var none []string
			for _, sort := range []api.JobSort{api.SortNewest, api.SortUpdated} {
				for search, want := range map[string][]string{"north south": {"both"}, "sout* nor*": {"both"}, "north secret": none, "secret": none} {
					q := api.JobQuery{Search: search, Sort: sort, Limit: 1}
					same(t, when+": "+search, w.all(events.DefaultTenant, q), want)
					if page := w.list(events.DefaultTenant, q); page.NextCursor != "" {
						t.Errorf("%s: %q, %s: there is a page after all that is found", when, search, sort)
					}
				}
			}
		}
		check("alone")
		for i := range 20 {
			w.write(job{id: fmt.Sprintf("o%d", i), tenant: "other", key: "north-south-secret"})
		}
		check("with others")
		w.ok(w.view.look(t.Context(), "count", func(r *reader) error {
			f, err := newFilter(events.DefaultTenant, api.JobQuery{Search: "secret"})
			w.ok(err)
			list, err := r.sources(t.Context(), f)
			w.ok(err)
			n, err := r.countSource(t.Context(), list[len(list)-1], f)
			same(t, "of others", n, int64(0))
			return err
		}))
		same(t, "the other", len(w.all("other", api.JobQuery{Search: "north secret"})), 20)
	})
}
