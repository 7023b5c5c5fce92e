package jobview

import (
	"context"
	"database/sql"
)

// version of the tables, and of how they are filled. A view of another version is
// built again.
const version = 1

// tables make a generation.
//
// A job's ord is its place in the list, newest last: the second in which it was
// accepted, and its place in the log within that. Everything that is found in the
// order of the list is found by it: the columns of jobs, marks and words. Other
// orders have an index each.
//
// A mark is the hash of something that a job has, with its tenant: a label, the code
// of a fault, its class.
var tables = []string{
	`CREATE TABLE #view (
		one {int} PRIMARY KEY, version {int} NOT NULL, log TEXT NOT NULL,
		position {int} NOT NULL, stored {int} NOT NULL)`,
	`CREATE TABLE #jobs (
		ord {int} PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, pipeline TEXT NOT NULL,
		state TEXT NOT NULL, revision {int} NOT NULL, seq {int} NOT NULL,
		accepted {int} NOT NULL, finished {int} NOT NULL, took {int} NOT NULL,
		since {int} NOT NULL, faults TEXT NOT NULL, words TEXT NOT NULL, item {blob} NOT NULL)`,
	`CREATE TABLE #marks (mark {int} NOT NULL, ord {int} NOT NULL, PRIMARY KEY (mark, ord)){bare}`,
	`CREATE TABLE #counts (
		tenant TEXT NOT NULL, kind TEXT NOT NULL, pipeline TEXT NOT NULL, name TEXT NOT NULL,
		n {int} NOT NULL, PRIMARY KEY (tenant, kind, pipeline, name)){bare}`,
	`CREATE TABLE #tally (
		tenant TEXT NOT NULL, kind TEXT NOT NULL, hour {int} NOT NULL, pipeline TEXT NOT NULL,
		name TEXT NOT NULL, n {int} NOT NULL, total {int} NOT NULL, last {int} NOT NULL,
		PRIMARY KEY (tenant, kind, hour, pipeline, name)){bare}`,
	`CREATE UNIQUE INDEX {at}jobs_id ON #jobs (tenant, id)`,
	`CREATE INDEX {at}jobs_newest ON #jobs (tenant{ord})`,
	`CREATE INDEX {at}jobs_state ON #jobs (tenant, state{ord})`,
	`CREATE INDEX {at}jobs_pipeline ON #jobs (tenant, pipeline{ord})`,
	`CREATE INDEX {at}jobs_both ON #jobs (tenant, pipeline, state{ord})`,
	`CREATE INDEX {at}jobs_updated ON #jobs (tenant, seq)`,
	`CREATE INDEX {at}jobs_finished ON #jobs (tenant, finished{ord}) WHERE finished > 0`,
	`CREATE INDEX {at}jobs_took ON #jobs (tenant, took{ord}) WHERE took > 0`,
}

// makeTables fills an empty generation with its tables.
func makeTables(ctx context.Context, tx *sql.Tx, d *dialect, prefix, log string) error {
	for _, list := range [][]string{tables, d.further} {
		for _, statement := range list {
			if _, err := tx.ExecContext(ctx, d.text(prefix, d.words.Replace(statement))); err != nil {
				return err
			}
		}
	}
	_, err := tx.ExecContext(ctx,
		d.text(prefix, `INSERT INTO #view (one, version, log, position, stored) VALUES (1, ?, ?, 0, 0)`),
		version, log)
	return err
}
