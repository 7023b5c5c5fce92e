package jobview

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// TestCommonWordsThatRarelyMeet searches for two words that half of many jobs have each,
// and three have both: the first, one in the middle and the last. It takes several pieces,
// and finds each of them in every order, page by page.
func TestCommonWordsThatRarelyMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	n := 5 * sqliteDialect.piece
	var batch []job
	for i := range n {
		j := job{id: fmt.Sprintf("j%d", i), key: []string{"north", "south"}[i%2], state: events.JobCompleted}
		if i == 0 || i == n/2 || i == n-1 {
			j.key = "south-north"
		}
		if batch = append(batch, j); len(batch) == 1000 || i == n-1 {
			w.write(batch...)
			batch = nil
		}
	}
	first, middle, last := "j0", fmt.Sprintf("j%d", n/2), fmt.Sprintf("j%d", n-1)
	for sort, want := range map[api.JobSort][]string{
		api.SortNewest: {last, middle, first}, api.SortOldest: {first, middle, last},
		api.SortUpdated: {last, middle, first},
	} {
		for _, limit := range []int{1, 2, 50} {
			same(t, fmt.Sprintf("%s, %d at a time", sort, limit),
				w.all(events.DefaultTenant, api.JobQuery{Search: "north south", Sort: sort, Limit: limit}), want)
		}
	}
	same(t, "until the middle", w.all(events.DefaultTenant, api.JobQuery{Search: "north south", Until: w.first["default/"+middle]}), []string{first})
	same(t, "beginnings", w.all(events.DefaultTenant, api.JobQuery{Search: "nor* sout*"}), []string{last, middle, first})
	var none []string
	same(t, "words that never meet", w.all(events.DefaultTenant, api.JobQuery{Search: "north south west"}), none)
	same(t, "another tenant", w.all("other", api.JobQuery{Search: "north south"}), none)
}
