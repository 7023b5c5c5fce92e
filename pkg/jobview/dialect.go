package jobview

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// dialect is what one database does otherwise than the other. Statements are written
// for both: #name is a table of the generation, ? the next argument, and {word} what
// the dialect has for it.
type dialect struct {
	kind string
	// words replaces {word} in statements that make tables.
	words *strings.Replacer
	// numbered arguments are $1, $2, …
	numbered bool
	// contains is a condition on j.words for one argument.
	contains string
	// further statements make what the tables need beside.
	further []string
	// snapshot are the options of a transaction that reads.
	snapshot *sql.TxOptions
	// searchFrom selects the jobs with words as ord, on the condition searchWhere,
	// which takes arguments. searchColumn is what ord is called in conditions.
	searchFrom, searchWhere, searchColumn string
	// match turns the words of a search by a tenant into the arguments of searchWhere. What
	// is found is asked for its tenant once more. alone is true when there are no others.
	match func(tenant string, alone bool, words []searchWord) []any
	// index puts the words of jobs where search finds them, and unindex removes them.
	// Nil where the database does so by itself.
	index   func(ctx context.Context, w *writer, rows []*row) error
	unindex func(ctx context.Context, w *writer, ords []any) error
	// check looks for damage. Nil where the database does so by itself.
	check func(ctx context.Context, r *reader) error
	// explain turns an error of the database into a fault.
	explain func(doing string, err error) error
	// foreign reports whether an error met while a view is opened says that it is none.
	foreign func(err error) bool
}

// text returns a statement as the database takes it.
func (d *dialect) text(prefix, statement string) string {
	statement = strings.ReplaceAll(statement, "#", prefix)
	if !d.numbered {
		return statement
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(statement, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// tuples returns "(?, ?), (?, ?)" for rows of so many columns.
func tuples(rows, columns int) string {
	one := "(" + marksOf(columns) + ")"
	return strings.TrimSuffix(strings.Repeat(one+", ", rows), ", ")
}

// marksOf returns "?, ?" for n arguments.
func marksOf(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func anyOf[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
