package jobview

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
)

// contents are all that a view holds, in an order that does not depend on how it came
// to be.
var contents = []struct {
	query   string
	columns int
}{
	{`SELECT ` + rowColumns + ` FROM #jobs ORDER BY ord`, 14},
	{`SELECT mark, ord FROM #marks ORDER BY mark, ord`, 2},
	{`SELECT tenant, kind, pipeline, name, n FROM #counts WHERE n <> 0 ORDER BY tenant, kind, pipeline, name`, 5},
	{`SELECT tenant, kind, hour, pipeline, name, n, total, last FROM #tally
		ORDER BY tenant, kind, hour, pipeline, name`, 8},
}

// Digest returns a digest of everything that the view holds: two that were folded
// from the same records have the same. It reads all of it. Faults: view.damaged,
// view.unavailable.
func (v *View) Digest(ctx context.Context) (string, error) {
	h := sha256.New()
	err := v.look(ctx, "read all", func(r *reader) error {
		for _, c := range contents {
			values := make([]any, c.columns)
			into := make([]any, c.columns)
			for i := range values {
				into[i] = &values[i]
			}
			err := r.each(ctx, c.query, nil, func(rs *sql.Rows) error {
				if err := rs.Scan(into...); err != nil {
					return err
				}
				for _, value := range values {
					// A hash takes whatever it is given.
					if b, ok := value.([]byte); ok {
						value = string(b)
					}
					_, _ = fmt.Fprintf(h, "%q;", fmt.Sprint(value))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Check looks for damage in all of the view. It reads all of it. Faults:
// view.damaged, view.unavailable.
func (v *View) Check(ctx context.Context) error {
	if v.d.check == nil {
		return nil
	}
	return v.look(ctx, "look for damage", func(r *reader) error { return v.d.check(ctx, r) })
}
