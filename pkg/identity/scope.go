package identity

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// Scope is one thing that a principal may do.
type Scope string

// The scopes.
const (
	// Read looks at jobs, their events and files, at pipelines and stages.
	Read Scope = "read"
	// Submit hands files and jobs in.
	Submit Scope = "submit"
	// Control moves jobs that there are: cancel, retry, pause and the like, one by
	// one or in bulk, and dead letters.
	Control Scope = "control"
	// Rollback takes back what jobs have done.
	Rollback Scope = "rollback"
	// Decide answers what only a person can answer.
	Decide Scope = "decide"
	// Admin does all of that, and sets pipelines, rules and keys.
	Admin Scope = "admin"
)

// All lists the scopes.
func All() []Scope { return []Scope{Read, Submit, Control, Rollback, Decide, Admin} }

// ParseScopes reads names of scopes, each of which may be a list with commas or
// spaces. They come back in the order of [All], each one time. Fault: key.invalid for
// a name that is none, or no name at all.
func ParseScopes(names ...string) ([]Scope, error) {
	separates := func(r rune) bool { return r == ',' || r == ' ' }
	given := make(map[Scope]bool)
	for _, name := range strings.FieldsFunc(strings.Join(names, ","), separates) {
		if !slices.Contains(All(), Scope(name)) {
			return nil, fault.New(fault.KeyInvalid,
				fault.Clip(name, 40)+" is no scope; there are "+Join(All(), ", "), nil)
		}
		given[Scope(name)] = true
	}
	if len(given) == 0 {
		return nil, fault.New(fault.KeyInvalid, "name at least one scope of "+Join(All(), ", "), nil)
	}
	return slices.DeleteFunc(All(), func(s Scope) bool { return !given[s] }), nil
}

// Join writes scopes as text.
func Join(scopes []Scope, between string) string {
	var names []string
	for _, s := range scopes {
		names = append(names, string(s))
	}
	return strings.Join(names, between)
}
