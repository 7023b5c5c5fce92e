package jobview

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/millrace/millrace/pkg/api"
)

// Counts returns how many jobs of a tenant there are, in all and of each pipeline, by
// state, and how many have which fault. With a pipeline it returns those of that one.
// Faults: view.damaged, view.unavailable.
func (v *View) Counts(ctx context.Context, tenant, pipeline string) (api.Counts, error) {
	c := api.Counts{States: map[string]int64{}, Pipelines: []api.PipelineCount{}, Faults: []api.FaultCount{}}
	faults := make(map[string]int64)
	query := `SELECT kind, pipeline, name, n FROM #counts WHERE tenant = ? AND n > 0`
	args := []any{clean(tenant)}
	if pipeline != "" {
		query += ` AND pipeline = ?`
		args = append(args, clean(pipeline))
	}
	err := v.look(ctx, "count jobs", func(r *reader) error {
		return r.each(ctx, query+` ORDER BY pipeline`, args, func(rs *sql.Rows) error {
			var kind, pipeline, name string
			var n int64
			if err := rs.Scan(&kind, &pipeline, &name, &n); err != nil {
				return err
			}
			switch kind {
			case countFault:
				faults[name] += n
			case countState:
				addState(&c, pipeline, name, n)
			}
			return nil
		})
	})
	for name, n := range faults {
		code, class, _ := strings.Cut(name, " ")
		c.Faults = append(c.Faults, api.FaultCount{Code: code, Class: class, Jobs: n})
	}
	slices.SortFunc(c.Faults, func(a, b api.FaultCount) int {
		return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Class, b.Class))
	})
	return c, err
}

// addState adds a number to the count of all and to that of its pipeline, which come
// in order.
func addState(c *api.Counts, pipeline, state string, n int64) {
	c.Jobs += n
	c.States[state] += n
	last := len(c.Pipelines) - 1
	if last < 0 || c.Pipelines[last].Name != pipeline {
		c.Pipelines = append(c.Pipelines, api.PipelineCount{Name: pipeline, States: map[string]int64{}})
		last++
	}
	p := &c.Pipelines[last]
	p.Jobs += n
	p.States[state] += n
}
