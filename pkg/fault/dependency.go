package fault

import "errors"

// Blame returns err with the name of the dependency that is to blame for it, for
// [DependencyOf]. An error that names one already, and nil, are returned as they
// are. Neither code nor text change, and err itself is not touched: a fault becomes
// a copy, and any other error is wrapped.
func Blame(err error, dependency string) error {
	if err == nil || dependency == "" || DependencyOf(err) != "" {
		return err
	}
	if f, ok := err.(*Error); ok { //nolint:errorlint // only the fault itself is copied
		named := *f
		named.Dependency = dependency
		return &named
	}
	return &blamed{err, dependency}
}

// DependencyOf returns the name of the dependency that is to blame for err: that of
// the outermost fault in its tree that has one. It is empty when none has, and for
// nil.
func DependencyOf(err error) string {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // the tree is walked here
		case *blamed:
			return e.dependency
		case *Error:
			if e.Dependency != "" {
				return e.Dependency
			}
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				if d := DependencyOf(one); d != "" {
					return d
				}
			}
			return ""
		}
		err = errors.Unwrap(err)
	}
	return ""
}

// blamed is an error that is no fault, and the dependency that is to blame for it.
type blamed struct {
	err        error
	dependency string
}

// Error is that of the error itself.
func (b *blamed) Error() string { return b.err.Error() }

// Unwrap gives the error itself to errors.As.
func (b *blamed) Unwrap() error { return b.err }
