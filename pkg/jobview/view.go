package jobview

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// View is one generation. It is safe for concurrent use.
type View struct {
	// Generation is its number.
	Generation int64
	// Log names the log that it was folded from.
	Log string

	d           *dialect
	prefix      string
	write, read *sql.DB
	close       func() error
}

// Close frees what the view holds. What runs meanwhile fails.
func (v *View) Close() error { return v.close() }

// longest is how long a transaction may take, so that a database that says nothing
// does not hold up who asks it.
const longest = 30 * time.Second

func (v *View) text(statement string) string { return v.d.text(v.prefix, statement) }

// check reads what the view says of itself.
func (v *View) check(ctx context.Context) error {
	var got int
	err := v.read.QueryRowContext(ctx, v.text(`SELECT version, log FROM #view WHERE one = 1`)).Scan(&got, &v.Log)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fault.New(fault.ViewDamaged, "it does not say what it is", nil)
	case v.d.foreign(err):
		return fault.New(fault.ViewDamaged, "open the view", err)
	case err != nil:
		return v.d.explain("open the view", err)
	case got != version:
		return fault.New(fault.ViewDamaged, fmt.Sprintf("it is of version %d, and not %d", got, version), nil)
	}
	return nil
}

// Position returns the sequence of the last record that the view holds, and when the
// log stored it: 0 and the zero time for none. Faults: view.damaged,
// view.unavailable.
func (v *View) Position(ctx context.Context) (uint64, time.Time, error) {
	var position, stored int64
	err := v.read.QueryRowContext(ctx, v.text(`SELECT position, stored FROM #view WHERE one = 1`)).Scan(&position, &stored)
	if err != nil {
		return 0, time.Time{}, v.d.explain("read the position", err)
	}
	return uint64(position), fromMillis(stored), nil
}

// fromMillis is the opposite of millis.
func fromMillis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// change runs fn in a transaction that writes.
func (v *View) change(ctx context.Context, doing string, fn func(*writer) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tx, err := v.write.BeginTx(ctx, nil)
	if err != nil {
		return v.d.explain(doing, err)
	}
	defer func() {
		if err != nil {
			// The transaction has failed, and that is what counts.
			_ = tx.Rollback()
		}
	}()
	if err := fn(&writer{v, tx}); err != nil {
		return v.d.explain(doing, err)
	}
	return v.d.explain(doing, tx.Commit())
}

// look runs fn in a transaction that reads one state of the view.
func (v *View) look(ctx context.Context, doing string, fn func(*reader) error) error {
	tx, err := v.read.BeginTx(ctx, v.d.snapshot)
	if err != nil {
		return v.d.explain(doing, err)
	}
	err = fn(&reader{v, tx})
	// Nothing was written.
	_ = tx.Rollback()
	return v.d.explain(doing, err)
}

// reader is a transaction that reads.
type reader struct {
	*View
	tx *sql.Tx
}

// each calls fn for every row of a query.
func (r *reader) each(ctx context.Context, query string, args []any, fn func(*sql.Rows) error) error {
	return each(ctx, r.tx, r.text(query), args, fn)
}

func each(ctx context.Context, tx *sql.Tx, query string, args []any, fn func(*sql.Rows) error) (err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// writer is a transaction that writes.
type writer struct {
	*View
	tx *sql.Tx
}

func (w *writer) each(ctx context.Context, query string, args []any, fn func(*sql.Rows) error) error {
	return each(ctx, w.tx, w.text(query), args, fn)
}

func (w *writer) exec(ctx context.Context, query string, args ...any) (int64, error) {
	done, err := w.tx.ExecContext(ctx, w.text(query), args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}
