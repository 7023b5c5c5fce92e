package verify

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the path of the module.
const Module = "github.com/millrace/millrace"

// Tree is the module as it lies on the disk, with every Go file parsed.
type Tree struct {
	// FS is the root of the module.
	FS fs.FS
	// Files are the Go files of the module, in the order of their paths.
	Files []*File
	// Paths are all files, except those in folders whose name starts with a
	// dot.
	Paths []string
}

// File is one Go file.
type File struct {
	// Path leads to the file from the root, and Dir to its folder.
	Path, Dir string
	// Test is true for a file that only go test compiles.
	Test bool
	// Generated is true for a file that a program wrote.
	Generated bool
	// Source is the text, and Syntax what it means.
	Source []byte
	Syntax *ast.File
	// Imports are the paths of the imports.
	Imports []Import

	set *token.FileSet
}

// Import is one import of a file.
type Import struct {
	Path string
	Line int
}

// Load reads the tree below the root of the module. Folders of other modules,
// testdata, and those that start with a dot or an underscore hold no Go files
// for it, as the go command has it.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{FS: root}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		t.Paths = append(t.Paths, p)
		if !strings.HasSuffix(p, ".go") || !t.ours(path.Dir(p)) {
			return nil
		}
		f, err := parse(root, p)
		if err != nil {
			return err
		}
		t.Files = append(t.Files, f)
		return nil
	})
	if err == nil && len(t.Files) == 0 {
		err = fmt.Errorf("no Go files found")
	}
	return t, err
}

// ours reports whether a folder belongs to this module's packages.
func (t *Tree) ours(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if name := path.Base(dir); name == "testdata" || strings.HasPrefix(name, "_") {
			return false
		}
		if _, err := fs.Stat(t.FS, path.Join(dir, "go.mod")); err == nil {
			return false
		}
	}
	return true
}

func parse(root fs.FS, p string) (*File, error) {
	source, err := fs.ReadFile(root, p)
	if err != nil {
		return nil, err
	}
	f := &File{Path: p, Dir: path.Dir(p), Test: strings.HasSuffix(p, "_test.go"), Source: source, set: token.NewFileSet()}
	f.Syntax, err = parser.ParseFile(f.set, p, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f.Generated = ast.IsGenerated(f.Syntax)
	for _, spec := range f.Syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		f.Imports = append(f.Imports, Import{Path: name, Line: f.line(spec.Pos())})
	}
	return f, nil
}

func (f *File) line(p token.Pos) int { return f.set.Position(p).Line }

// at writes a complaint about a place in the file.
func (f *File) at(line int, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.Path, line, fmt.Sprintf(format, args...))
}

// packages are the folders with Go files that are not tests, in order.
func (t *Tree) packages() []string {
	var dirs []string
	for _, f := range t.Files {
		if !f.Test && !slices.Contains(dirs, f.Dir) {
			dirs = append(dirs, f.Dir)
		}
	}
	return dirs
}

// isKit reports whether a folder is a kit for tests, such as drivertest: it may
// use package testing, and only tests and other kits may use it.
func isKit(dir string) bool {
	return strings.HasSuffix(path.Base(dir), "test")
}

// within reports whether a folder is the one that pattern names, or lies below
// it when the pattern ends in /*.
func within(dir, pattern string) bool {
	if below, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(dir, below+"/")
	}
	return dir == pattern
}
