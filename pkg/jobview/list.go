package jobview

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/millrace/millrace/pkg/api"
)

// Bounds of one call of List. When a filter leaves so little that a page is not full
// by then, the page ends, and its cursor goes on from where it got to.
const (
	maxScan  = 2048                  // jobs looked at by one statement
	patience = 15 * time.Millisecond // for another statement
)

// List returns a page of a tenant's jobs. A page can hold fewer jobs than its limit,
// or none, and still have a next one. Faults: http.bad_request for a cursor that is
// none; view.damaged, view.unavailable.
func (v *View) List(ctx context.Context, tenant string, q api.JobQuery) (api.JobPage, error) {
	f, err := newFilter(tenant, q)
	if err != nil {
		return api.JobPage{}, err
	}
	var page api.JobPage
	err = v.look(ctx, "list jobs", func(r *reader) error {
		found, next, err := r.find(ctx, f)
		if err != nil {
			return err
		}
		page.NextCursor = next
		page.Jobs, err = r.items(ctx, f, found)
		return err
	})
	return page, err
}

// find returns the places of the jobs of a page, and the cursor of the next one.
func (r *reader) find(ctx context.Context, f *filter) (found []place, next string, err error) {
	s, err := r.plan(ctx, f)
	if err != nil {
		return nil, "", err
	}
	// One more than there is room for tells whether there is a next page.
	size := f.q.Limit + 1
	for begin := time.Now(); ; {
		seen, hits, err := r.scan(ctx, s, f, size)
		if err != nil {
			return nil, "", err
		}
		found = append(found, hits...)
		switch {
		case len(found) > f.q.Limit:
			found = found[:f.q.Limit]
			return found, formatCursor(f.q.Sort, found[f.q.Limit-1]), nil
		case len(seen) < size:
			return found, "", nil
		}
		f.after = &seen[len(seen)-1]
		if time.Since(begin) > patience {
			return found, formatCursor(f.q.Sort, *f.after), nil
		}
		size = min(4*size, maxScan)
	}
}

// scan looks at the next jobs of a source. It returns the places of all of them and
// of those that the filter lets through, in order.
func (r *reader) scan(ctx context.Context, s *source, f *filter, size int) (seen, hits []place, err error) {
	query, args := s.statement(f, size)
	err = r.each(ctx, query, args, func(rs *sql.Rows) error {
		var p place
		var hit int
		err := rs.Scan(&p.value, &p.ord, &hit)
		seen = append(seen, p)
		if hit == 1 {
			hits = append(hits, p)
		}
		return err
	})
	for _, list := range [][]place{seen, hits} {
		slices.SortFunc(list, f.compare)
	}
	return seen, hits, err
}

// items reads what a page shows of jobs.
func (r *reader) items(ctx context.Context, f *filter, found []place) ([]api.JobItem, error) {
	byOrd := make(map[int64]api.JobItem, len(found))
	for chunk := range slices.Chunk(found, atOnce) {
		args := []any{f.tenant}
		for _, p := range chunk {
			args = append(args, p.ord)
		}
		query := `SELECT ord, faults, item FROM #jobs WHERE tenant = ? AND ord IN (` + marksOf(len(chunk)) + `)`
		err := r.each(ctx, query, args, func(rs *sql.Rows) error {
			var ord int64
			var faults string
			var data []byte
			if err := rs.Scan(&ord, &faults, &data); err != nil {
				return err
			}
			var it api.JobItem
			if err := json.Unmarshal(data, &it); err != nil {
				return err
			}
			if f.truly(it.Labels, parseFaults(faults)) {
				byOrd[ord] = it
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	items := make([]api.JobItem, 0, len(found))
	for _, p := range found {
		if it, ok := byOrd[p.ord]; ok {
			items = append(items, it)
		}
	}
	return items, nil
}

// truly compares what is only known by its marks.
func (f *filter) truly(labels map[string]string, faults faultList) bool {
	for name, value := range f.q.Labels {
		if got, ok := labels[name]; !ok || got != value {
			return false
		}
	}
	return (f.q.Fault == "" && f.q.Class == "") || faults.has(f.q.Fault, f.q.Class)
}
