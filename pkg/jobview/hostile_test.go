package jobview

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// nasty are texts that must be nothing but data.
var nasty = []string{
	`'; DROP TABLE jobs; --`, `" OR 1=1 --`, `') OR ('1'='1`, `"); DELETE FROM words; --`, `$1`, `?`, `#jobs`, `{int}`, `\'; SELECT 1`,
	`NEAR(a b)`, `a AND NOT b`, `words:x`, `*`, `a* OR b`, `^a`, `'a':*|'b'`, `!!a & (b`, "\x00", "a\x00b", "\xff\xfe", "\u202e", "%", "_",
	strings.Repeat("long ", 100), strings.Repeat("é", 300), `zz0tenant0`, tenantWord("default"),
}

// TestTextIsData hands over texts of evil wherever a text is taken, and wants the job
// to be found by it, and nothing else to happen.
func TestTextIsData(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.write(job{id: "plain", labels: map[string]string{"k": "v"}}, job{id: "theirs", tenant: "other"})
		for _, text := range nasty {
			labels := map[string]string{text: text, "k": text}
			w.write(job{
				id: "nasty", labels: labels, key: text, files: []string{text}, state: events.JobState("running"),
				fault: &events.Fault{Code: text, Class: text, Message: text},
			})
			for _, q := range []api.JobQuery{
				{Labels: map[string]string{text: text}},
				{Search: text},
				{Fault: text},
				{Class: text},
				{Pipeline: text},
				{States: []events.JobState{events.JobState(text)}},
				{Search: text, Labels: map[string]string{text: text}, Fault: text, Sort: api.JobSort(text)},
				{Search: text, Sort: api.SortUpdated},
			} {
				for _, tenant := range []string{"default", "other", text} {
					for _, it := range w.list(tenant, q).Jobs {
						if tenant != "default" || it.ID != "nasty" && q.Search == "" {
							t.Errorf("%q of tenant %q finds %s", text, tenant, it.ID)
						}
					}
				}
			}
			if _, err := w.view.Counts(t.Context(), text, text); err != nil {
				t.Errorf("counts of %q: %v", text, err)
			}
			_, err := w.view.Failures(t.Context(), text, api.StatsQuery{Pipeline: text, Until: w.clock})
			w.ok(err)
			w.ok(w.remove("nasty"))
		}
		same(t, "all that is left", w.all("default", api.JobQuery{}), []string{"plain"})
		same(t, "and of the other", w.all("other", api.JobQuery{}), []string{"theirs"})
	})
}

// remove lets a job be written as a new one.
func (w *world) remove(id string) error {
	w.sequence++
	w.apply()
	delete(w.revision, "default/"+id)
	return w.view.change(w.t.Context(), "remove", func(tx *writer) error {
		rows, err := tx.older(w.t.Context(), "default", w.sequence)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.id == id {
				return tx.remove(w.t.Context(), []*row{r})
			}
		}
		return nil
	})
}

// TestLabelOfEvilIsFound wants labels to match by what they are.
func TestLabelOfEvilIsFound(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i, text := range nasty {
			// A record is JSON, and holds valid text only.
			text = strings.ToValidUTF8(text, "invalid")
			id := "j" + string(rune('a'+i))
			w.write(job{id: id, labels: map[string]string{"name": text, text: "name"}})
			want := []string{id}
			same(t, "by "+text, w.all("default", api.JobQuery{Labels: map[string]string{"name": text}}), want)
		}
	})
}
