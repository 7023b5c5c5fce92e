package jobview

import (
	"context"
	"strings"
)

// Store keeps the generations of a view. It is safe for concurrent use, also by
// several processes.
type Store interface {
	// Kind is the name of the database: "sqlite" or "postgres".
	Kind() string
	// Generations returns the numbers of all generations, the oldest first, and that
	// of the one that serves: 0 for none. Fault: view.unavailable.
	Generations(ctx context.Context) (all []int64, current int64, err error)
	// Create makes an empty generation for a log, which is named by a text of its
	// own. One that is there already stays as it is. Fault: view.unavailable.
	Create(ctx context.Context, generation int64, log string) error
	// Open returns a generation. The caller closes it. Faults: view.damaged when it
	// is not there, cannot be read or is of another version; view.unavailable.
	Open(ctx context.Context, generation int64) (*View, error)
	// Serve makes a generation the one that serves. Fault: view.unavailable.
	Serve(ctx context.Context, generation int64) error
	// Drop removes a generation. One that is not there is no error. Fault:
	// view.unavailable.
	Drop(ctx context.Context, generation int64) error
	// Lead asks to be the process that folds. With false another one is. Where
	// several may fold, each leads. Fault: view.unavailable.
	Lead(ctx context.Context) (bool, error)
	// Close ends the lead and frees what the store holds. Views that are open stay
	// so.
	Close() error
}

// Open returns the store at a place: the URL of a PostgreSQL database
// (postgres://…), or a folder for SQLite, which is made when it is needed. It
// connects to nothing yet. Fault: mill.bad_config for a URL that is none.
func Open(place string) (Store, error) {
	if strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://") {
		return openPostgres(place)
	}
	return &sqliteStore{dir: place}, nil
}
