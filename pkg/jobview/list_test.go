package jobview

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// failing is a step that has failed and waits for its next attempt.
func failing(code, class string) map[string]events.Step {
	return map[string]events.Step{"a": {
		State: events.StepRetrying, Fault: &events.Fault{Code: code, Class: class, Message: "the far side hung up"},
	}}
}

func TestPages(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 7 {
			w.write(job{id: fmt.Sprintf("j%d", i)})
		}
		first := w.list("default", api.JobQuery{Limit: 3})
		same(t, "first page", ids(first), numbered(6, 4))
		// What comes or moves in between is on no later page.
		w.write(job{id: "late"}, job{id: "j6", state: events.JobRunning})
		second := w.list("default", api.JobQuery{Limit: 3, Cursor: first.NextCursor})
		same(t, "second page", ids(second), numbered(3, 1))
		third := w.list("default", api.JobQuery{Limit: 3, Cursor: second.NextCursor})
		same(t, "third page", ids(third), []string{"j0"})
		same(t, "no fourth page", third.NextCursor, "")
		exact := w.list("default", api.JobQuery{Limit: 8})
		same(t, "a page that holds all has no next one", exact.NextCursor, "")
	})
}

// TestCursorsAreStable reads the list in every order and page size while jobs arrive,
// and wants every job that was there from the start, once.
func TestCursorsAreStable(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 20 {
			w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobCompleted})
		}
		late := 0
		for _, sort := range []api.JobSort{"", api.SortNewest, api.SortOldest, api.SortUpdated, api.SortFinished, api.SortDuration} {
			for limit := 1; limit < 8; limit += 3 {
				seen := map[string]int{}
				q := api.JobQuery{Sort: sort, Limit: limit}
				for pages := 0; ; pages++ {
					page := w.list("default", q)
					for _, it := range page.Jobs {
						seen[it.ID]++
					}
					if late++; pages < 8 {
						w.write(job{id: fmt.Sprintf("late%d", late), state: events.JobCompleted})
					}
					if q.Cursor = page.NextCursor; q.Cursor == "" {
						break
					}
				}
				for i := range 20 {
					id := fmt.Sprintf("j%d", i)
					if seen[id] != 1 {
						t.Errorf("sort %q, limit %d: %s is on %d pages", sort, limit, id, seen[id])
					}
				}
			}
		}
	})
}

func TestFilters(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		one := map[string]string{"team": "one"}
		w.write(
			job{id: "a", pipeline: "x", labels: one, files: []string{"Invoice-2026.PDF"}, key: "order-17"},
			job{id: "b", pipeline: "y", labels: map[string]string{"team": "two", "k": "v"}, files: []string{"größe.csv"}},
			job{id: "c", pipeline: "x", files: []string{"invoices.txt"}},
			job{id: "d", tenant: "other", labels: one, files: []string{"invoice.pdf"}},
		)
		w.write(job{id: "a", pipeline: "x", state: events.JobRunning, labels: one, files: []string{"Invoice-2026.PDF"}, key: "order-17"})
		w.write(job{
			id: "b", pipeline: "y", state: events.JobWaiting, labels: map[string]string{"team": "two", "k": "v"},
			files: []string{"größe.csv"}, steps: failing("fetch.stalled", "timeout"),
		})
		at := func(second int) time.Time { return time.Date(2026, 3, 1, 10, 0, second, 0, time.UTC) }
		for _, c := range []struct {
			name   string
			tenant string
			q      api.JobQuery
			want   []string
		}{
			{"all", "default", api.JobQuery{}, []string{"c", "b", "a"}},
			{"oldest", "default", api.JobQuery{Sort: api.SortOldest}, []string{"a", "b", "c"}},
			{"updated", "default", api.JobQuery{Sort: api.SortUpdated}, []string{"b", "a", "c"}},
			{"finished", "default", api.JobQuery{Sort: api.SortFinished}, nil},
			{"state", "default", api.JobQuery{States: []events.JobState{"running"}}, []string{"a"}},
			{"states", "default", api.JobQuery{States: []events.JobState{"running", "waiting", "failed"}}, []string{"b", "a"}},
			{"states, oldest", "default", api.JobQuery{States: []events.JobState{"running", "waiting"}, Sort: api.SortOldest}, []string{"a", "b"}},
			{"pipeline", "default", api.JobQuery{Pipeline: "x"}, []string{"c", "a"}},
			{"pipeline and states", "default", api.JobQuery{Pipeline: "x", States: []events.JobState{"accepted", "waiting"}}, []string{"c"}},
			{"label", "default", api.JobQuery{Labels: one}, []string{"a"}},
			{"labels", "default", api.JobQuery{Labels: map[string]string{"team": "two", "k": "v"}}, []string{"b"}},
			{"one label of two", "default", api.JobQuery{Labels: map[string]string{"team": "two", "k": "w"}}, nil},
			{"label, updated", "default", api.JobQuery{Labels: one, Sort: api.SortUpdated}, []string{"a"}},
			{"fault", "default", api.JobQuery{Fault: "fetch.stalled"}, []string{"b"}},
			{"another fault", "default", api.JobQuery{Fault: "fetch.not_found"}, nil},
			{"class", "default", api.JobQuery{Class: "timeout"}, []string{"b"}},
			{"fault of another class", "default", api.JobQuery{Fault: "fetch.stalled", Class: "auth"}, nil},
			{"since", "default", api.JobQuery{Since: at(2)}, []string{"c", "b"}},
			{"until", "default", api.JobQuery{Until: at(2)}, []string{"a"}},
			{"between", "default", api.JobQuery{Since: at(2), Until: at(3)}, []string{"b"}},
			{"between, updated", "default", api.JobQuery{Since: at(2), Until: at(3), Sort: api.SortUpdated}, []string{"b"}},
			{"within a second", "default", api.JobQuery{Since: at(2).Add(time.Microsecond)}, []string{"c"}},
			{"word", "default", api.JobQuery{Search: "INVOICE"}, []string{"a"}},
			{"beginning of a word", "default", api.JobQuery{Search: "invoi*"}, []string{"c", "a"}},
			{"words", "default", api.JobQuery{Search: "pdf order-17"}, []string{"a"}},
			{"words, not all", "default", api.JobQuery{Search: "pdf order-18"}, nil},
			{"word of another alphabet", "default", api.JobQuery{Search: "Größe"}, []string{"b"}},
			{"word of a label", "default", api.JobQuery{Search: "two"}, []string{"b"}},
			{"word of a fault", "default", api.JobQuery{Search: "hung up"}, []string{"b"}},
			{"id", "default", api.JobQuery{Search: "c"}, []string{"c"}},
			{"no word", "default", api.JobQuery{Search: "-- **"}, nil},
			{"word and state", "default", api.JobQuery{Search: "invoi*", States: []events.JobState{"running"}}, []string{"a"}},
			{"word, updated", "default", api.JobQuery{Search: "invoi*", Sort: api.SortUpdated}, []string{"a", "c"}},
			{"all at once", "default", api.JobQuery{
				Labels: one, Pipeline: "x", States: []events.JobState{"running"}, Search: "2026", Since: at(0), Until: at(9),
			}, []string{"a"}},
			{"another tenant", "other", api.JobQuery{}, []string{"d"}},
			{"word of another tenant", "other", api.JobQuery{Search: "invoi*"}, []string{"d"}},
			{"no such tenant", "nobody", api.JobQuery{}, nil},
		} {
			same(t, c.name, ids(w.list(c.tenant, c.q)), c.want)
			c.q.Limit = 1
			same(t, c.name+", one by one", w.all(c.tenant, c.q), c.want)
		}
	})
}

func TestOrdersOfWhatHasEnded(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.write(job{id: "slow"}, job{id: "quick"}, job{id: "open"}, job{id: "again"})
		w.write(job{id: "again", state: events.JobCompleted}, job{id: "quick", state: events.JobCompleted})
		w.write(job{id: "slow", state: events.JobFailed})
		same(t, "finished", w.all("default", api.JobQuery{Sort: api.SortFinished}), []string{"slow", "quick", "again"})
		same(t, "longest", w.all("default", api.JobQuery{Sort: api.SortDuration, Limit: 1}), []string{"slow", "quick", "again"})
		// One that is rolled back has not ended any more.
		w.write(job{id: "again", state: events.JobCompensating})
		same(t, "finished then", w.all("default", api.JobQuery{Sort: api.SortFinished, Limit: 1}), []string{"slow", "quick"})
		same(t, "in its old place", w.all("default", api.JobQuery{}), []string{"again", "open", "quick", "slow"})
	})
}

func TestBadCursors(t *testing.T) {
	w := newWorld(t, t.TempDir())
	newest := formatCursor(api.SortNewest, place{1, 1})
	for _, c := range []string{
		"x", "djE6MQ", "!!", newest + "=", formatCursor(api.SortOldest, place{1, 1}), formatCursor(api.SortNewest, place{-1, 1}),
	} {
		if _, err := w.view.List(t.Context(), "default", api.JobQuery{Cursor: c}); !fault.Has(err, fault.HTTPBadRequest) {
			t.Errorf("cursor %q: %v", c, err)
		}
	}
	w.list("default", api.JobQuery{Cursor: newest})
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(formatCursor(api.SortNewest, place{1, 1}))
	f.Add(formatCursor(api.SortNewest, place{1 << 60, 1 << 62}))
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseCursor(api.SortNewest, s)
		if err != nil {
			if !fault.Has(err, fault.HTTPBadRequest) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := parseCursor(api.SortNewest, formatCursor(api.SortNewest, at))
		if err != nil || again != at {
			t.Fatalf("%q is %v, and then %v %v", s, at, again, err)
		}
	})
}

// TestManyMatches wants what is found in several steps, because a source names more
// than a page, to be whole and in order.
func TestManyMatches(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var batch []Entry
		var want []string
		for i := range 3000 {
			j := job{id: fmt.Sprintf("j%d", i), files: []string{"common.txt"}, labels: map[string]string{"l": "common"}}
			if i%97 == 0 {
				j.labels["rare"] = "yes"
				j.state = events.JobRunning
				want = append([]string{j.id}, want...)
			}
			batch = append(batch, w.entry(j))
		}
		w.apply(batch...)
		for name, q := range map[string]api.JobQuery{
			"by label":          {Labels: map[string]string{"rare": "yes"}},
			"by both labels":    {Labels: map[string]string{"rare": "yes", "l": "common"}},
			"by word and state": {Search: "common", States: []events.JobState{"running"}},
			"by word and label": {Search: "comm*", Labels: map[string]string{"rare": "yes", "l": "common"}},
			"by the updated":    {Search: "common", States: []events.JobState{"running"}, Sort: api.SortUpdated},
		} {
			for _, limit := range []int{1, 7, 100} {
				q.Limit = limit
				same(t, fmt.Sprintf("%s, %d a page", name, limit), w.all("default", q), want)
			}
		}
		same(t, "all", len(w.all("default", api.JobQuery{Search: "common", Limit: 500})), 3000)
	})
}
