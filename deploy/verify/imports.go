package verify

import (
	"go/ast"
	"strings"
)

// owners says which package alone imports a module of others. Kits for tests and
// the tools of deploy may too.
var owners = []struct{ prefix, owner string }{
	{"github.com/nats-io/nats.go", "pkg/bus"},
	{"github.com/ThreeDotsLabs/", "pkg/bus"},
	{"github.com/sony/gobreaker", "pkg/breaker"},
	{"github.com/nats-io/nats-server", "services/mill"},
	{"github.com/prometheus/client_golang", "pkg/telemetry"},
	{"go.opentelemetry.io/", "pkg/tracing"},
	{"modernc.org/sqlite", "pkg/jobview"},
	{"github.com/jackc/pgx", "pkg/jobview"},
}

// Owners reports imports of modules that belong to one package, from others.
func Owners(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		if f.Test || isKit(f.Dir) || within(f.Dir, "deploy/*") {
			continue
		}
		for _, i := range f.Imports {
			for _, o := range owners {
				if strings.HasPrefix(i.Path, o.prefix) && f.Dir != o.owner {
					list = append(list, f.at(i.Line, "imports %s, which only %s may", i.Path, o.owner))
				}
			}
		}
	}
	return list
}

// Kits reports what is for tests in packages that are not: package testing, and
// the kits.
func Kits(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		if f.Test || isKit(f.Dir) {
			continue
		}
		for _, i := range f.Imports {
			dir, ours := strings.CutPrefix(i.Path, Module+"/")
			if i.Path == "testing" || strings.HasPrefix(i.Path, "testing/") || ours && isKit(dir) {
				list = append(list, f.at(i.Line, "imports %s, which is for tests", i.Path))
			}
		}
	}
	return list
}

// The pure core touches nothing: no files, no network, no locks, no logs, no
// randomness and no clock. All of these come in as arguments.
var (
	pure         = []string{"pkg/flow", "pkg/pipeline", "pkg/policy"}
	worldly      = []string{"os", "net", "sync", "math/rand", "crypto/rand", "log", "syscall", "runtime", "unsafe", "io/ioutil"}
	clockReaders = map[string]bool{
		"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
		"Tick": true, "NewTimer": true, "NewTicker": true,
	}
)

// Purity reports where the core touches the world.
func Purity(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		if f.Test || !isPure(f.Dir) {
			continue
		}
		for _, i := range f.Imports {
			for _, w := range worldly {
				if i.Path == w || strings.HasPrefix(i.Path, w+"/") {
					list = append(list, f.at(i.Line, "imports %s; the core is pure", i.Path))
				}
			}
		}
		f.calls(func(pkg, name string, line int) {
			if pkg == "time" && clockReaders[name] {
				list = append(list, f.at(line, "calls time.%s; the core is told the time", name))
			}
		})
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				list = append(list, f.at(f.line(g.Pos()), "starts a goroutine; the core is pure"))
			}
			return true
		})
	}
	return list
}

func isPure(dir string) bool {
	for _, p := range pure {
		if dir == p || within(dir, p+"/*") {
			return true
		}
	}
	return false
}

// calls visits what is used of imported packages: time.Now as "time", "Now".
func (f *File) calls(visit func(pkg, name string, line int)) {
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok {
			visit(x.Name, s.Sel.Name, f.line(s.Pos()))
		}
		return true
	})
}
