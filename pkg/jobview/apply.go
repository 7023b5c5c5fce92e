package jobview

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Step says from where to where a batch of records leads.
type Step struct {
	// From is the position that the view must be at, and To the one it is at then.
	From, To uint64
	// Stored is when the log stored the record at To.
	Stored time.Time
}

// Apply takes records into the view and moves its position, both or neither. A
// record that the view has already changes nothing. Faults: view.overtaken when the
// view is not at s.From; view.damaged, view.unavailable.
func (v *View) Apply(ctx context.Context, s Step, entries []Entry) error {
	return v.change(ctx, "write the view", func(w *writer) error {
		moved, err := w.exec(ctx, `UPDATE #view SET position = ?, stored = ? WHERE one = 1 AND position = ?`,
			int64(s.To), millis(s.Stored), int64(s.From))
		if err != nil {
			return err
		}
		if moved != 1 {
			return fault.New(fault.ViewOvertaken, "", nil)
		}
		return w.take(ctx, entries)
	})
}

// take folds records into their rows and writes them.
func (w *writer) take(ctx context.Context, entries []Entry) error {
	rows, err := w.load(ctx, entries)
	if err != nil {
		return err
	}
	d := newDeltas()
	var changed []*row
	for i := range entries {
		e := &entries[i]
		k := key{e.Tenant, e.Job}
		r := rows[k]
		if r == nil {
			r = newRow(e)
			rows[k] = r
		}
		before := r.changed
		if err := r.fold(e, d); err != nil {
			return err
		}
		if r.changed && !before {
			changed = append(changed, r)
		}
	}
	if err := w.place(ctx, changed); err != nil {
		return err
	}
	return errors.Join(w.store(ctx, changed), w.add(ctx, d))
}

// Rows that one statement reads or writes.
const atOnce = 100

const rowColumns = `ord, tenant, id, pipeline, state, revision, seq, accepted, finished, took, since, faults, words, item`

// load reads the rows of the jobs that records are about.
func (w *writer) load(ctx context.Context, entries []Entry) (map[key]*row, error) {
	byTenant := make(map[string][]string)
	seen := make(map[key]bool, len(entries))
	for i := range entries {
		k := key{entries[i].Tenant, entries[i].Job}
		if !seen[k] {
			seen[k] = true
			byTenant[k.tenant] = append(byTenant[k.tenant], k.job)
		}
	}
	rows := make(map[key]*row, len(seen))
	for _, tenant := range sortedKeys(byTenant) {
		for ids := range slices.Chunk(byTenant[tenant], atOnce) {
			query := `SELECT ` + rowColumns + ` FROM #jobs WHERE tenant = ? AND id IN (` + marksOf(len(ids)) + `)`
			err := w.each(ctx, query, append([]any{tenant}, anyOf(ids)...), func(rs *sql.Rows) error {
				r, err := scanRow(rs)
				if err == nil {
					rows[key{r.tenant, r.id}] = r
				}
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

func scanRow(rs *sql.Rows) (*row, error) {
	r := &row{}
	var state, faults string
	err := rs.Scan(&r.ord, &r.tenant, &r.id, &r.pipeline, &state, &r.revision, &r.seq, &r.accepted,
		&r.finished, &r.took, &r.since, &faults, &r.words, &r.item)
	r.state, r.faults = events.JobState(state), parseFaults(faults)
	r.oldFaults, r.oldWords = r.faults, r.words
	return r, err
}

// place gives new jobs a place in the list that nobody has. Two want the same one
// only when a clock was set back by much.
func (w *writer) place(ctx context.Context, rows []*row) error {
	taken := make(map[int64]bool)
	var wanted []int64
	for _, r := range rows {
		if r.fresh {
			wanted = append(wanted, r.ord)
		}
	}
	for ords := range slices.Chunk(wanted, atOnce) {
		query := `SELECT ord FROM #jobs WHERE ord IN (` + marksOf(len(ords)) + `)`
		err := w.each(ctx, query, anyOf(ords), func(rs *sql.Rows) error {
			var ord int64
			err := rs.Scan(&ord)
			taken[ord] = true
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, r := range rows {
		if !r.fresh {
			continue
		}
		for taken[r.ord] {
			r.ord++
			var n int
			err := w.tx.QueryRowContext(ctx, w.text(`SELECT count(*) FROM #jobs WHERE ord = ?`), r.ord).Scan(&n)
			if err != nil {
				return err
			}
			taken[r.ord] = taken[r.ord] || n > 0
		}
		taken[r.ord] = true
	}
	return nil
}

// store writes rows, their marks and their words.
func (w *writer) store(ctx context.Context, rows []*row) error {
	var worded []*row
	marks := &markChanges{}
	for _, r := range rows {
		marks.of(r)
		if r.fresh || r.words != r.oldWords {
			worded = append(worded, r)
		}
	}
	for chunk := range slices.Chunk(rows, atOnce) {
		var args []any
		for _, r := range chunk {
			args = append(args, r.ord, r.tenant, r.id, r.pipeline, string(r.state), int64(r.revision), int64(r.seq),
				r.accepted, r.finished, r.took, r.since, r.faults.String(), r.words, r.item)
		}
		_, err := w.exec(ctx, `INSERT INTO #jobs (`+rowColumns+`) VALUES `+tuples(len(chunk), 14)+
			` ON CONFLICT (ord) DO UPDATE SET state = excluded.state, revision = excluded.revision,
			seq = excluded.seq, finished = excluded.finished, took = excluded.took, since = excluded.since,
			faults = excluded.faults, words = excluded.words, item = excluded.item`, args...)
		if err != nil {
			return err
		}
	}
	if err := marks.write(ctx, w); err != nil {
		return err
	}
	if w.d.index == nil {
		return nil
	}
	return w.d.index(ctx, w, worded)
}

// markChanges are marks that come and go, as pairs of mark and ord.
type markChanges struct{ gone, new []any }

// of notes what changes of the marks of a row.
func (c *markChanges) of(r *row) {
	var before []int64
	now := r.marks()
	if !r.fresh {
		if slices.Equal(r.oldFaults, r.faults) {
			return
		}
		before, now = faultMarks(r.tenant, r.oldFaults), faultMarks(r.tenant, r.faults)
	}
	for _, m := range before {
		if !slices.Contains(now, m) {
			c.gone = append(c.gone, m, r.ord)
		}
	}
	for _, m := range now {
		if !slices.Contains(before, m) {
			c.new = append(c.new, m, r.ord)
		}
	}
}

func (c *markChanges) write(ctx context.Context, w *writer) error {
	for pairs := range slices.Chunk(c.gone, 2*atOnce) {
		either := strings.Repeat(` OR mark = ? AND ord = ?`, len(pairs)/2)
		_, err := w.exec(ctx, `DELETE FROM #marks WHERE `+strings.TrimPrefix(either, ` OR `), pairs...)
		if err != nil {
			return err
		}
	}
	for pairs := range slices.Chunk(c.new, 2*atOnce) {
		_, err := w.exec(ctx, `INSERT INTO #marks (mark, ord) VALUES `+tuples(len(pairs)/2, 2)+
			` ON CONFLICT (mark, ord) DO NOTHING`, pairs...)
		if err != nil {
			return err
		}
	}
	return nil
}

// add writes changes of numbers.
func (w *writer) add(ctx context.Context, d *deltas) error {
	for k := range slices.Chunk(slices.Collect(maps.Keys(d.counts)), atOnce) {
		var args []any
		for _, k := range k {
			args = append(args, k.tenant, k.kind, k.pipeline, k.name, d.counts[k])
		}
		_, err := w.exec(ctx, `INSERT INTO #counts AS t (tenant, kind, pipeline, name, n) VALUES `+tuples(len(k), 5)+
			` ON CONFLICT (tenant, kind, pipeline, name) DO UPDATE SET n = t.n + excluded.n`, args...)
		if err != nil {
			return err
		}
	}
	for k := range slices.Chunk(slices.Collect(maps.Keys(d.tallies)), atOnce) {
		var args []any
		for _, k := range k {
			t := d.tallies[k]
			args = append(args, k.tenant, k.kind, k.hour, k.pipeline, k.name, t.n, t.total, t.last)
		}
		_, err := w.exec(ctx, `INSERT INTO #tally AS t (tenant, kind, hour, pipeline, name, n, total, last) VALUES `+
			tuples(len(k), 8)+` ON CONFLICT (tenant, kind, hour, pipeline, name) DO UPDATE SET
			n = t.n + excluded.n, total = t.total + excluded.total,
			last = CASE WHEN excluded.last > t.last THEN excluded.last ELSE t.last END`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}
