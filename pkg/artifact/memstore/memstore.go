// Package memstore keeps artifacts in memory, for tests.
package memstore

import "github.com/millrace/millrace/pkg/artifact/driver"

// Store is a store in memory.
type Store struct{ driver.Store }

// New returns an empty store.
func New() *Store { return &Store{} }
