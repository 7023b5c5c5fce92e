package jobview

import (
	"context"
	"database/sql"
)

// Crowd is how many jobs of a pipeline's name are in a state.
type Crowd struct {
	Pipeline, State string
	Jobs            int64
}

// Census returns how many jobs of all tenants there are, by pipeline and state. Faults:
// view.damaged, view.unavailable.
func (v *View) Census(ctx context.Context) (all []Crowd, err error) {
	const query = `SELECT pipeline, name, CAST(SUM(n) AS BIGINT) FROM #counts
		WHERE kind = ? AND n > 0 GROUP BY pipeline, name ORDER BY pipeline, name`
	err = v.look(ctx, "count all jobs", func(r *reader) error {
		return r.each(ctx, query, []any{countState}, func(rs *sql.Rows) error {
			var c Crowd
			if err := rs.Scan(&c.Pipeline, &c.State, &c.Jobs); err != nil {
				return err
			}
			all = append(all, c)
			return nil
		})
	})
	return all, err
}
