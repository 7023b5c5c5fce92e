package verify

import (
	"go/ast"
	"go/token"
	"strings"
)

// Docs reports packages and exported names without a doc comment, and comments
// that do not start with the name. Constants and variables in a group may share
// the comment of the group, and the methods of an interface that of the
// interface. Kits and tools are held to it too; tests are not, nor are names of a
// program, which nobody can import.
func Docs(t *Tree) []string {
	var list []string
	described := map[string]bool{}
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		if doc := f.Syntax.Doc.Text(); doc != "" {
			described[f.Dir] = true
			want := "Package " + f.Syntax.Name.Name + " "
			if f.Syntax.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(doc, want) {
				list = append(list, f.at(f.line(f.Syntax.Doc.Pos()), "the package comment does not start with %q", want))
			}
		}
		if f.Syntax.Name.Name != "main" {
			list = append(list, f.undocumented()...)
		}
	}
	for _, dir := range t.packages() {
		if !described[dir] {
			list = append(list, dir+": the package has no comment")
		}
	}
	return list
}

func (f *File) undocumented() []string {
	var list []string
	check := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		if !name.IsExported() {
			return
		}
		for _, c := range comments {
			switch text := c.Text(); {
			case text == "":
				continue
			case !startsWith(text, name.Name):
				list = append(list, f.at(f.line(name.Pos()), "the comment of %s does not start with its name", name.Name))
			}
			return
		}
		list = append(list, f.at(f.line(name.Pos()), "%s has no comment", name.Name))
	}
	for _, d := range f.Syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if receiverIsExported(d) {
				check(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			f.group(d, check)
		}
	}
	return list
}

// group checks a declaration of types, constants or variables.
func (f *File) group(d *ast.GenDecl, check func(*ast.Ident, ...*ast.CommentGroup)) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			check(s.Name, s.Doc, d.Doc)
		case *ast.ValueSpec:
			if d.Tok != token.IMPORT && (d.Doc == nil || !d.Lparen.IsValid()) {
				for _, name := range s.Names {
					check(name, s.Doc, d.Doc, s.Comment)
				}
			}
		}
	}
}

func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// startsWith reports whether a comment starts with a name, as a whole word.
func startsWith(comment, name string) bool {
	rest, ok := strings.CutPrefix(comment, name)
	return ok && (rest == "" || !isWord(rest[0]))
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
