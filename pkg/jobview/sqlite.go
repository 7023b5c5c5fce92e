package jobview

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/millrace/millrace/pkg/fault"
)

// sqliteDialect is what SQLite does otherwise. Words are found by FTS5, which keeps
// only them and no text. It gives jobs in the order of the list, so a search for a
// word that every job has is as quick as any.
var sqliteDialect = &dialect{
	kind:     "sqlite",
	words:    strings.NewReplacer("{int}", "INTEGER", "{blob}", "BLOB", "{bare}", " WITHOUT ROWID", "{ord}", "", "{at}", ""),
	contains: `instr(j.words, ?) > 0`,
	further: []string{
		`CREATE VIRTUAL TABLE words USING fts5(
			list, content='', contentless_delete=1, detail=none, tokenize='ascii', prefix='2 3 4')`,
	},
	searchFrom: `SELECT rowid AS ord FROM words`, searchWhere: `words MATCH ?`, searchColumn: "rowid",
	match:   sqliteMatch,
	index:   sqliteIndex,
	unindex: sqliteUnindex,
	check:   sqliteCheck,
	explain: sqliteExplain,
	foreign: sqliteForeign,
}

// tenantWord is a word that all jobs of a tenant have, and, but for mischief in vain,
// no other: what is found is asked for its tenant once more.
func tenantWord(tenant string) string { return "zz0tenant0" + hex.EncodeToString([]byte(tenant)) }

// longestBegin is the longest beginning of a word that FTS5 has an index for, in
// letters. Others would be gathered from all words that begin so.
const longestBegin = 4

// sqliteMatch writes a search for FTS5. Words hold letters and digits only. A long
// beginning is cut, which finds too much; all of it is asked of each job.
func sqliteMatch(tenant string, alone bool, words []searchWord) []any {
	var terms []string
	if !alone {
		terms = append(terms, `"`+tenantWord(tenant)+`"`)
	}
	for _, w := range words {
		term := `"` + w.text + `"`
		if letters := []rune(w.text); w.begin {
			term = `"` + string(letters[:min(len(letters), longestBegin)]) + `"*`
		}
		terms = append(terms, term)
	}
	return []any{strings.Join(terms, " AND ")}
}

func sqliteIndex(ctx context.Context, w *writer, rows []*row) error {
	for chunk := range slices.Chunk(rows, atOnce) {
		var args []any
		for _, r := range chunk {
			args = append(args, r.ord, tenantWord(r.tenant)+r.words)
		}
		_, err := w.exec(ctx, `INSERT OR REPLACE INTO words (rowid, list) VALUES `+tuples(len(chunk), 2), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func sqliteUnindex(ctx context.Context, w *writer, ords []any) error {
	_, err := w.exec(ctx, `DELETE FROM words WHERE rowid IN (`+marksOf(len(ords))+`)`, ords...)
	return err
}

// sqliteForeign reports whether an error says that a file has other tables.
func sqliteForeign(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlitelib.SQLITE_ERROR
}

// sqliteExplain tells a file that is no view from one that cannot be reached.
func sqliteExplain(doing string, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlitelib.SQLITE_CORRUPT, sqlitelib.SQLITE_NOTADB:
			return fault.New(fault.ViewDamaged, doing, err)
		}
	}
	return fault.New(fault.ViewUnavailable, doing, err)
}

// sqliteCheck lets SQLite look at the structure of the whole file.
func sqliteCheck(ctx context.Context, r *reader) error {
	var said string
	if err := r.tx.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fault.New(fault.ViewDamaged, fault.Clip(said, 200), nil)
	}
	return nil
}
