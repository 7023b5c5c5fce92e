package jobview

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/millrace/millrace/pkg/fault"
)

// postgresStore keeps each generation in a schema of its own, and in another one a
// table that names the one that serves. Several processes may fold: the position of
// the view lets one batch of them through.
type postgresStore struct{ db *sql.DB }

const (
	controlSchema = "millrace_view"
	schemaPrefix  = controlSchema + "_"
	// connections to the database, and how long one may take to come about.
	connections    = 8
	connectTimeout = 5 * time.Second
)

// openPostgres reads the URL. What is wrong with it is not said: it may hold a
// password.
func openPostgres(place string) (Store, error) {
	c, err := pgx.ParseConfig(place)
	if err != nil {
		return nil, fault.New(fault.MillBadConfig, "the URL of the views is none of a PostgreSQL database", nil)
	}
	c.ConnectTimeout = connectTimeout
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "millrace"
	}
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(time.Minute)
	return &postgresStore{db: db}, nil
}

// Kind is "postgres".
func (s *postgresStore) Kind() string { return postgresDialect.kind }

func schemaOf(generation int64) string { return schemaPrefix + strconv.FormatInt(generation, 10) }

// Generations lists the schemas.
func (s *postgresStore) Generations(ctx context.Context) (all []int64, current int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	rows, err := s.db.QueryContext(ctx, `SELECT substr(nspname, $1) FROM pg_namespace
		WHERE nspname ~ '^millrace_view_[0-9]{1,18}$' ORDER BY substr(nspname, $1)::bigint`, len(schemaPrefix)+1)
	if err != nil {
		return nil, 0, postgresExplain("list generations", err)
	}
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, 0, errors.Join(postgresExplain("list generations", err), rows.Close())
		}
		all = append(all, n)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, 0, postgresExplain("list generations", err)
	}
	var there bool
	err = s.db.QueryRowContext(ctx, `SELECT to_regclass('millrace_view.control') IS NOT NULL`).Scan(&there)
	if err == nil && there {
		err = s.db.QueryRowContext(ctx, `SELECT coalesce((SELECT c.current FROM millrace_view.control c
			WHERE EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'millrace_view_' || c.current)), 0)`).Scan(&current)
	}
	return all, current, postgresExplain("read which generation serves", err)
}

// transact runs statements in one transaction, one process after the other.
func (s *postgresStore) transact(ctx context.Context, doing string, fn func(*sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return postgresExplain(doing, err)
	}
	if _, err = tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('millrace_view'))`); err == nil {
		err = fn(tx)
	}
	if err != nil {
		// The transaction has failed, and that is what counts.
		_ = tx.Rollback()
		return postgresExplain(doing, err)
	}
	return postgresExplain(doing, tx.Commit())
}

// Create makes the schema of a generation.
func (s *postgresStore) Create(ctx context.Context, generation int64, log string) error {
	return s.transact(ctx, "make a generation", func(tx *sql.Tx) error {
		there, err := hasSchema(ctx, tx, schemaOf(generation))
		if err != nil || there {
			return err
		}
		if _, err := tx.ExecContext(ctx, `CREATE SCHEMA `+schemaOf(generation)); err != nil {
			return err
		}
		return makeTables(ctx, tx, postgresDialect, schemaOf(generation)+".", log)
	})
}

// hasSchema looks into the catalog itself. IF NOT EXISTS alone believes what the
// connection remembers, and that may be from before somebody else made the schema.
func hasSchema(ctx context.Context, tx *sql.Tx, name string) (there bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`, name).Scan(&there)
	return there, err
}

// Open returns the view of a schema. It shares the connections of the store.
func (s *postgresStore) Open(ctx context.Context, generation int64) (*View, error) {
	v := &View{
		Generation: generation, d: postgresDialect, prefix: schemaOf(generation) + ".", write: s.db, read: s.db,
		close: func() error { return nil },
	}
	return v, v.check(ctx)
}

// Serve notes which generation serves.
func (s *postgresStore) Serve(ctx context.Context, generation int64) error {
	return s.transact(ctx, "switch generations", func(tx *sql.Tx) error {
		there, err := hasSchema(ctx, tx, "millrace_view")
		if err != nil {
			return err
		}
		if !there {
			_, err := tx.ExecContext(ctx, strings.Join([]string{
				`CREATE SCHEMA millrace_view`,
				`CREATE TABLE millrace_view.control (one BIGINT PRIMARY KEY, current BIGINT NOT NULL)`,
			}, ";"))
			if err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO millrace_view.control (one, current) VALUES (1, $1)
			ON CONFLICT (one) DO UPDATE SET current = excluded.current`, generation)
		return err
	})
}

// Drop removes the schema of a generation.
func (s *postgresStore) Drop(ctx context.Context, generation int64) error {
	return s.transact(ctx, "remove a generation", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+schemaOf(generation)+` CASCADE`)
		return err
	})
}

// Lead lets every process fold.
func (s *postgresStore) Lead(context.Context) (bool, error) { return true, nil }

// Close closes the connections, also those of views.
func (s *postgresStore) Close() error { return s.db.Close() }
