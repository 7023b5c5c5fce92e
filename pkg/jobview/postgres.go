package jobview

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millrace/millrace/pkg/fault"
)

// postgresDialect is what PostgreSQL does otherwise. Words are a column of their own,
// which the database fills from the words of the row, with an index over it.
var postgresDialect = &dialect{
	kind:     "postgres",
	words:    strings.NewReplacer("{int}", "BIGINT", "{blob}", "BYTEA", "{bare}", "", "{ord}", ", ord", "{at}", ""),
	numbered: true,
	contains: `strpos(j.words, ?) > 0`,
	further: []string{
		`ALTER TABLE #jobs ADD COLUMN terms tsvector
			GENERATED ALWAYS AS (array_to_tsvector(string_to_array(btrim(words), ' '))) STORED`,
		`CREATE INDEX jobs_terms ON #jobs USING gin (terms)`,
	},
	snapshot:   &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	searchFrom: `SELECT ord FROM #jobs`, searchWhere: `terms @@ CAST(? AS tsquery) AND tenant = ?`, searchColumn: "ord",
	match:   postgresMatch,
	explain: postgresExplain,
	foreign: func(error) bool { return false },
}

// postgresMatch writes a search as a tsquery. Words hold letters and digits only.
func postgresMatch(tenant string, _ bool, words []searchWord) []any {
	terms := make([]string, len(words))
	for i, w := range words {
		terms[i] = `'` + w.text + `'`
		if w.begin {
			terms[i] += ":*"
		}
	}
	return []any{strings.Join(terms, " & "), tenant}
}

// postgresExplain tells tables that are no view from a database that cannot be
// reached. Of an error of the connection it keeps only what kind it is: the text names
// the user and the host.
func postgresExplain(doing string, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		var connect *pgconn.ConnectError
		if errors.As(err, &connect) {
			return fault.New(fault.ViewUnavailable, doing+": the database does not take the connection", nil)
		}
		return fault.New(fault.ViewUnavailable, doing, err)
	}
	switch e.Code {
	case "42P01", "42703", "3F000", "XX001", "XX002": // no table, column or schema; corrupted
		return fault.New(fault.ViewDamaged, doing, err)
	}
	return fault.New(fault.ViewUnavailable, doing, err)
}
