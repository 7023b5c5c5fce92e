package jobview

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// tallyRow is a number of an hour.
type tallyRow struct {
	kind, name string
	hour       int64
	tallied
}

// tallies calls fn for each number of some kinds within the hours of a query.
func (r *reader) tallies(
	ctx context.Context, tenant string, q api.StatsQuery, kinds []string, fn func(tallyRow),
) error {
	query := `SELECT kind, hour, name, n, total, last FROM #tally
		WHERE tenant = ? AND kind IN (` + marksOf(len(kinds)) + `) AND hour >= ? AND hour <= ?`
	args := append([]any{clean(tenant)}, anyOf(kinds)...)
	args = append(args, millis(q.Since)/hourMillis, millis(q.Until)/hourMillis)
	if q.Pipeline != "" {
		query += ` AND pipeline = ?`
		args = append(args, clean(q.Pipeline))
	}
	return r.each(ctx, query, args, func(rs *sql.Rows) error {
		var t tallyRow
		err := rs.Scan(&t.kind, &t.hour, &t.name, &t.n, &t.total, &t.last)
		fn(t)
		return err
	})
}

// span is how many hours one part of a trend has.
func span(q api.StatsQuery) int64 {
	if q.By == api.ByDay {
		return 24
	}
	return 1
}

// trend makes a part for each span of a query, and a function that finds that of an
// hour.
func trend[T any](q api.StatsQuery, make func(at time.Time) T) (parts []T, of func(hour int64) *T) {
	width := span(q)
	first := millis(q.Since) / hourMillis / width
	last := millis(q.Until) / hourMillis / width
	for i := first; i <= last; i++ {
		parts = append(parts, make(time.UnixMilli(i*width*hourMillis).UTC()))
	}
	return parts, func(hour int64) *T { return &parts[hour/width-first] }
}

// Throughput returns what happened in each span of a query that is complete. Faults:
// view.damaged, view.unavailable.
func (v *View) Throughput(ctx context.Context, tenant string, q api.StatsQuery) (api.Throughput, error) {
	spans, of := trend(q, func(at time.Time) api.Flow {
		return api.Flow{At: at, Finished: map[string]int64{}}
	})
	took := make(map[*api.Flow]tallied)
	err := v.look(ctx, "sum up", func(r *reader) error {
		kinds := []string{tallyAccepted, tallyFinished, tallyFailed}
		return r.tallies(ctx, tenant, q, kinds, func(t tallyRow) {
			part := of(t.hour)
			switch t.kind {
			case tallyAccepted:
				part.Accepted += t.n
			case tallyFailed:
				part.Failures += t.n
			case tallyFinished:
				part.Finished[t.name] += t.n
				took[part] = tallied{n: took[part].n + t.n, total: took[part].total + t.total}
			}
		})
	})
	for part, t := range took {
		part.MeanMS = t.total / max(t.n, 1)
	}
	return api.Throughput{Spans: spans}, err
}

// Recovery returns how long jobs were in trouble that ended in each span of a query
// that is complete. Faults: view.damaged, view.unavailable.
func (v *View) Recovery(ctx context.Context, tenant string, q api.StatsQuery) (api.Recoveries, error) {
	type part struct {
		api.Recovery
		total   int64
		buckets map[int]int64
	}
	parts, of := trend(q, func(at time.Time) part {
		return part{Recovery: api.Recovery{At: at}, buckets: map[int]int64{}}
	})
	err := v.look(ctx, "sum up", func(r *reader) error {
		return r.tallies(ctx, tenant, q, []string{tallyRecovered, tallyGivenUp}, func(t tallyRow) {
			p := of(t.hour)
			if t.kind == tallyGivenUp {
				p.GivenUp += t.n
				return
			}
			p.Recovered += t.n
			p.total += t.total
			if bucket, err := strconv.Atoi(t.name); err == nil {
				p.buckets[bucket] += t.n
			}
		})
	})
	spans := make([]api.Recovery, len(parts))
	for i, p := range parts {
		p.MeanMS = p.total / max(p.Recovered, 1)
		p.MedianMS, p.P95MS = quantile(p.buckets, 0.5), quantile(p.buckets, 0.95)
		spans[i] = p.Recovery
	}
	return api.Recoveries{Spans: spans}, err
}

// quantile returns the time that a share of what is in buckets does not exceed, in
// milliseconds.
func quantile(buckets map[int]int64, share float64) int64 {
	var all, below int64
	for _, n := range buckets {
		all += n
	}
	for _, bucket := range sortedInts(buckets) {
		if below += buckets[bucket]; float64(below) >= share*float64(all) {
			return int64(bucketTime(bucket))
		}
	}
	return 0
}

// Failures returns what failed within the span of a query that is complete, by fault,
// and what has that fault now. Faults: view.damaged, view.unavailable.
func (v *View) Failures(ctx context.Context, tenant string, q api.StatsQuery) (api.Failures, error) {
	byName := make(map[string]*api.Failure)
	at := func(name string) *api.Failure {
		f := byName[name]
		if f == nil {
			code, class, _ := strings.Cut(name, " ")
			f = &api.Failure{Code: code, Class: class, Hint: fault.Code(code).Info().Hint}
			byName[name] = f
		}
		return f
	}
	err := v.look(ctx, "sum up", func(r *reader) error {
		err := r.tallies(ctx, tenant, q, []string{tallyFailed}, func(t tallyRow) {
			f := at(t.name)
			f.Count += t.n
			if last := fromMillis(t.last); last.After(f.LastAt) {
				f.LastAt = last
			}
		})
		return errors.Join(err, r.haveNow(ctx, tenant, q.Pipeline, at))
	})
	out := api.Failures{Failures: []api.Failure{}}
	for _, name := range sortedKeys(byName) {
		out.Failures = append(out.Failures, *byName[name])
	}
	slices.SortStableFunc(out.Failures, func(a, b api.Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.Jobs, a.Jobs))
	})
	return out, err
}

// haveNow adds how many jobs have a fault now, and the newest of them.
func (r *reader) haveNow(ctx context.Context, tenant, pipeline string, at func(string) *api.Failure) error {
	query := `SELECT name, sum(n) FROM #counts WHERE tenant = ? AND kind = ?`
	args := []any{clean(tenant), countFault}
	if pipeline != "" {
		query += ` AND pipeline = ?`
		args = append(args, clean(pipeline))
	}
	var codes []*api.Failure
	err := r.each(ctx, query+` GROUP BY name HAVING sum(n) > 0`, args, func(rs *sql.Rows) error {
		var name string
		var n int64
		err := rs.Scan(&name, &n)
		f := at(name)
		f.Jobs = n
		codes = append(codes, f)
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range codes {
		filter, err := newFilter(tenant, api.JobQuery{Fault: f.Code, Class: f.Class, Pipeline: pipeline, Limit: 1})
		if err != nil {
			return err
		}
		found, _, err := r.find(ctx, filter)
		if err != nil {
			return err
		}
		items, err := r.items(ctx, filter, found)
		if err != nil {
			return err
		}
		if len(items) > 0 {
			f.Example = items[0].ID
		}
	}
	return nil
}

func sortedInts[V any](m map[int]V) []int {
	var list []int
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
