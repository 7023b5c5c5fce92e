// Package pgtest gives tests a real PostgreSQL server. See package server for what it
// is, and how it gets installed.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/deploy/pgtest/server"
)

// Shared is a server that all tests of a process use, each with a database of its own.
// It is started by the first that asks for one.
type Shared struct {
	once  sync.Once
	made  atomic.Int64
	s     *server.Server
	start error
}

// Main runs the tests of a package that use the server, and ends it. It returns the
// exit code.
func (p *Shared) Main(m interface{ Run() int }) int {
	code := m.Run()
	if p.s == nil {
		return code
	}
	if err := p.s.Close(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "pgtest:", err)
		return max(code, 1)
	}
	return code
}

// URL returns the address of a new database.
func (p *Shared) URL(t testing.TB) string {
	t.Helper()
	p.once.Do(func() { p.s, p.start = server.Start(context.Background()) })
	if p.start != nil {
		t.Fatal(p.start)
	}
	name := fmt.Sprintf("test%d", p.made.Add(1))
	if err := p.s.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return p.s.URL(name)
}
