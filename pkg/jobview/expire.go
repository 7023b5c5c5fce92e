package jobview

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// expireAtOnce is how many jobs one transaction removes.
const expireAtOnce = 500

// Expire removes jobs whose last record came before a sequence, and numbers of the
// hours well before a time: the log has forgotten them. It returns how many jobs it
// removed; while that is not 0 there may be more. Faults: view.damaged,
// view.unavailable.
func (v *View) Expire(ctx context.Context, first uint64, since time.Time) (removed int, err error) {
	err = v.change(ctx, "remove old jobs", func(w *writer) error {
		// One process after the other.
		if _, err := w.exec(ctx, `UPDATE #view SET position = position WHERE one = 1`); err != nil {
			return err
		}
		if !since.IsZero() {
			if _, err := w.exec(ctx, `DELETE FROM #tally WHERE hour < ?`, millis(since)/hourMillis-1); err != nil {
				return err
			}
		}
		tenants, err := w.tenants(ctx)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			if removed >= expireAtOnce {
				return nil
			}
			rows, err := w.older(ctx, tenant, first)
			if err != nil {
				return err
			}
			removed += len(rows)
			if err := w.remove(ctx, rows); err != nil {
				return err
			}
		}
		return nil
	})
	return removed, err
}

func (w *writer) tenants(ctx context.Context) (list []string, err error) {
	query := `SELECT DISTINCT tenant FROM #counts WHERE kind = ? AND n > 0`
	err = w.each(ctx, query, []any{countState}, func(rs *sql.Rows) error {
		var tenant string
		err := rs.Scan(&tenant)
		list = append(list, tenant)
		return err
	})
	return list, err
}

func (w *writer) older(ctx context.Context, tenant string, first uint64) (list []*row, err error) {
	query := `SELECT ` + rowColumns + ` FROM #jobs WHERE tenant = ? AND seq < ? ORDER BY seq LIMIT ?`
	err = w.each(ctx, query, []any{tenant, int64(first), expireAtOnce}, func(rs *sql.Rows) error {
		r, err := scanRow(rs)
		if err != nil {
			return err
		}
		var it api.JobItem
		if err := json.Unmarshal(r.item, &it); err != nil {
			return err
		}
		r.job = &events.Job{Labels: it.Labels}
		list = append(list, r)
		return nil
	})
	return list, err
}

// remove takes jobs out of the view.
func (w *writer) remove(ctx context.Context, rows []*row) error {
	d, marks := newDeltas(), &markChanges{}
	for _, r := range rows {
		d.count(r, -1)
		for _, m := range r.marks() {
			marks.gone = append(marks.gone, m, r.ord)
		}
	}
	if err := marks.write(ctx, w); err != nil {
		return err
	}
	for ords := range chunks(rows) {
		if _, err := w.exec(ctx, `DELETE FROM #jobs WHERE ord IN (`+marksOf(len(ords))+`)`, ords...); err != nil {
			return err
		}
		if w.d.unindex == nil {
			continue
		}
		if err := w.d.unindex(ctx, w, ords); err != nil {
			return err
		}
	}
	if err := w.add(ctx, d); err != nil {
		return err
	}
	_, err := w.exec(ctx, `DELETE FROM #counts WHERE n = 0`)
	return err
}

// chunks yields the places of rows, as many as one statement takes.
func chunks(rows []*row) func(func([]any) bool) {
	return func(yield func([]any) bool) {
		for len(rows) > 0 {
			n := min(len(rows), atOnce)
			ords := make([]any, n)
			for i, r := range rows[:n] {
				ords[i] = r.ord
			}
			if rows = rows[n:]; !yield(ords) {
				return
			}
		}
	}
}
