package jobview

import (
	"context"
	"strings"
)

// few is how many jobs a source may name at most to be read as a whole. Beyond, it is
// read in the order of the list, as far as it takes.
const few = 1000

// source is where a list looks for jobs first: whatever of a filter names the fewest.
// The rest of the filter is asked of each.
type source struct {
	d *dialect
	// from selects ord, and where is its condition with args. One that is empty looks
	// at the jobs themselves, by the states and the pipeline of the filter.
	from, where string
	args        []any
	// column is what from calls ord.
	column string
	// short is true when it names few.
	short bool
	// perWord holds arguments of which any one names all that args do, and that are quicker
	// to count by. Nil means args.
	perWord [][]any
}

// plan finds the source of a filter.
func (r *reader) plan(ctx context.Context, f *filter) (*source, error) {
	best := &source{d: r.d}
	least, err := r.countJobs(ctx, f)
	if err != nil {
		return nil, err
	}
	list, err := r.sources(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		n, err := r.countSource(ctx, s, f)
		if err != nil {
			return nil, err
		}
		if n < least || n == few && best.from == "" && least > few {
			best, least = s, n
		}
	}
	best.short = least < few && best.from != ""
	return best, nil
}

// sources are those of the marks, the words and the span of time of a filter.
func (r *reader) sources(ctx context.Context, f *filter) ([]*source, error) {
	var list []*source
	if !f.order.byPlace() && !(f.q.Since.IsZero() && f.q.Until.IsZero()) {
		list = append(list, &source{
			d: r.d, from: `SELECT ord FROM #jobs`, where: `tenant = ?`, args: []any{f.tenant}, column: "ord",
		})
	}
	for _, m := range f.marks {
		list = append(list, &source{
			d: r.d, from: `SELECT ord FROM #marks`, where: `mark = ?`, args: []any{m}, column: "ord",
		})
	}
	if len(f.words) == 0 {
		return list, nil
	}
	alone, err := r.alone(ctx, f.tenant)
	if err != nil {
		return nil, err
	}
	s := &source{
		d: r.d, from: r.d.searchFrom, where: r.d.searchWhere, column: r.d.searchColumn,
		args: r.d.match(f.tenant, alone, f.words),
	}
	for _, w := range f.words {
		s.perWord = append(s.perWord, r.d.match(f.tenant, alone, []searchWord{w}))
	}
	return append(list, s), nil
}

// alone reports whether no other tenant has jobs. Only then may a search leave the tenant
// to the end: how much of others it passes over on its way would show.
func (r *reader) alone(ctx context.Context, tenant string) (alone bool, err error) {
	err = r.tx.QueryRowContext(ctx, r.text(`SELECT NOT EXISTS (SELECT 1 FROM #counts WHERE tenant < ? AND n > 0)
		AND NOT EXISTS (SELECT 1 FROM #counts WHERE tenant > ? AND n > 0)`), tenant, tenant).Scan(&alone)
	return alone, err
}

// countSource counts what a source names at most, up to few.
func (r *reader) countSource(ctx context.Context, s *source, f *filter) (least int64, err error) {
	bounds, args := f.placeRange(s.column)
	count := r.text(`SELECT count(*) FROM (` + s.from + ` WHERE ` + s.where + ` AND ` + bounds + ` LIMIT ?) c`)
	least = few
	for _, by := range s.counted() {
		var n int64
		err := r.tx.QueryRowContext(ctx, count, append(append(append([]any{}, by...), args...), few)...).Scan(&n)
		if err != nil {
			return 0, err
		}
		least = min(least, n)
	}
	return least, nil
}

func (s *source) counted() [][]any {
	if s.perWord != nil {
		return s.perWord
	}
	return [][]any{s.args}
}

// countJobs counts the jobs of a filter's states and pipeline.
func (r *reader) countJobs(ctx context.Context, f *filter) (n int64, err error) {
	query := `SELECT coalesce(sum(n), 0) FROM #counts WHERE tenant = ? AND kind = ?`
	args := []any{f.tenant, countState}
	if f.q.Pipeline != "" {
		query += ` AND pipeline = ?`
		args = append(args, f.q.Pipeline)
	}
	if states := f.q.States; len(states) > 0 {
		query += ` AND name IN (` + marksOf(len(states)) + `)`
		for _, s := range states {
			args = append(args, string(s))
		}
	}
	err = r.tx.QueryRowContext(ctx, r.text(query), args...).Scan(&n)
	return n, err
}

// statement selects the next places of a source, in order, each with 1 if the filter
// lets it through. A cross join is what keeps SQLite from beginning with the jobs.
func (s *source) statement(f *filter, size int) (string, []any) {
	if s.from == "" {
		return s.overJobs(f, size)
	}
	where, args := s.conditions(f)
	if f.order.byPlace() {
		bounds, more := f.placeRange(s.column)
		inner := s.from + ` WHERE ` + s.where + ` AND ` + bounds +
			` ORDER BY ` + s.column + ` ` + f.order.direction() + ` LIMIT ?`
		all := append(append(append(append([]any{}, args...), s.args...), more...), size)
		return `SELECT j.ord, j.ord, CASE WHEN ` + where + ` THEN 1 ELSE 0 END FROM (` + inner +
			`) d CROSS JOIN #jobs j WHERE j.ord = d.ord`, all
	}
	if !s.short {
		return s.overJobs(f, size)
	}
	within, span := f.placeRange(s.column)
	inner := s.from + ` WHERE ` + s.where + ` AND ` + within + ` LIMIT ?`
	bounds, more := f.valueRange("j.")
	all := append(append(append([]any{}, s.args...), span...), 2*few)
	all = append(append(append(all, args...), more...), size)
	return `SELECT j.` + f.order.column + `, j.ord, 1 FROM (` + inner + `) d CROSS JOIN #jobs j WHERE j.ord = d.ord AND ` + where + ` AND ` + bounds + f.ordered("j.") + ` LIMIT ?`, all
}

// overJobs looks at the jobs themselves. In the order of the list each state has an
// index of its own, and the statement merges them.
func (s *source) overJobs(f *filter, size int) (string, []any) {
	where, args := s.conditions(f)
	if !f.order.byPlace() {
		bounds, more := f.valueRange("")
		inner := `SELECT ord FROM #jobs WHERE tenant = ? AND ` + bounds + f.ordered("") + ` LIMIT ?`
		all := append(append(append(args, f.tenant), more...), size)
		return `SELECT j.` + f.order.column + `, j.ord, CASE WHEN ` + where + ` THEN 1 ELSE 0 END FROM (` + inner +
			`) d CROSS JOIN #jobs j WHERE j.ord = d.ord`, all
	}
	bounds, more := f.placeRange("ord")
	arm, armArgs := `SELECT ord FROM #jobs WHERE tenant = ?`, []any{f.tenant}
	if f.q.Pipeline != "" {
		arm += ` AND pipeline = ?`
		armArgs = append(armArgs, f.q.Pipeline)
	}
	var arms []string
	all := args
	for _, state := range f.q.States {
		arms = append(arms, arm+` AND state = ? AND `+bounds)
		all = append(append(append(all, armArgs...), string(state)), more...)
	}
	if len(arms) == 0 {
		arms = []string{arm + ` AND ` + bounds}
		all = append(append(all, armArgs...), more...)
	}
	inner := strings.Join(arms, ` UNION ALL `) + ` ORDER BY ord ` + f.order.direction() + ` LIMIT ?`
	return `SELECT j.ord, j.ord, CASE WHEN ` + where + ` THEN 1 ELSE 0 END FROM (` + inner +
		`) d CROSS JOIN #jobs j WHERE j.ord = d.ord`, append(all, size)
}

// conditions are what a filter asks of a job j.
func (s *source) conditions(f *filter) (string, []any) {
	list := []string{`j.tenant = ?`}
	args := []any{f.tenant}
	add := func(condition string, more ...any) {
		list = append(list, condition)
		args = append(args, more...)
	}
	if f.nothing {
		add(`1 = 0`)
	}
	if f.q.Pipeline != "" {
		add(`j.pipeline = ?`, f.q.Pipeline)
	}
	if states := f.q.States; len(states) > 0 {
		names := make([]any, len(states))
		for i, state := range states {
			names[i] = string(state)
		}
		add(`j.state IN (`+marksOf(len(names))+`)`, names...)
	}
	if f.low > 0 || f.since > 0 {
		add(`j.accepted >= ?`, f.since)
	}
	if !f.q.Until.IsZero() {
		add(`j.accepted < ?`, f.until)
	}
	for _, m := range f.marks {
		add(`EXISTS (SELECT 1 FROM #marks x WHERE x.mark = ? AND x.ord = j.ord)`, m)
	}
	for _, w := range f.words {
		add(s.d.contains, w.within())
	}
	return strings.Join(list, ` AND `), args
}

// valueRange is a condition on the value that the list is sorted by, and on the place
// before.
func (f *filter) valueRange(table string) (string, []any) {
	column := table + f.order.column
	condition, args := column+" > 0", []any(nil)
	if f.after != nil {
		condition += ` AND (` + column + `, ` + table + `ord) < (?, ?)`
		args = append(args, f.after.value, f.after.ord)
	}
	return condition, args
}

// ordered is the order of a list by a value.
func (f *filter) ordered(table string) string {
	return ` ORDER BY ` + table + f.order.column + ` DESC, ` + table + `ord DESC`
}
