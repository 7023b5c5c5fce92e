package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMistakesAreFound checks a copy of the sources, which has none, and again with mistakes
// planted in it: of types, in code and in what a component is given, and of what strict
// compilers find.
func TestMistakesAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../..", dashboard))); err != nil {
		t.Fatal(err)
	}
	if err := checked(t, dir); err != nil {
		t.Fatalf("nothing is planted: %v", err)
	}
	mistakes := []struct{ file, old, planted, says string }{
		{"theme.ts", "?? 'auto'", "?? 'pink'", "error TS2322: Type '\"pink\""},
		{"theme.ts", "export const theme", "export const wrong = (x) => x\nexport const theme", "error TS7006: Parameter 'x'"},
		{"theme.ts", "export const theme", "const unused = 1\nexport const theme", "error TS6133: 'unused'"},
		{"core/shapes.ts", "oldest_seconds: number", "oldest: number", "error TS2339: Property 'oldest_seconds'"},
		{"pages/stages.tsx", "<Waiting />", "<Waiting soon={1} />", "error TS2322: Type '{ soon: number; }'"},
		{"pages/stages.tsx", "list.length ?", "list[0].name ?", "error TS2532: Object is possibly 'undefined'"},
		{"main.tsx", "./style/main.css", "./style/main.less", "error TS2882: Cannot find module"},
	}
	for _, m := range mistakes {
		at := filepath.Join(dir, m.file)
		text, err := os.ReadFile(at)
		if err != nil || !strings.Contains(string(text), m.old) {
			t.Fatalf("%s has no %q: %v", m.file, m.old, err)
		}
		if err := os.WriteFile(at, []byte(strings.Replace(string(text), m.old, m.planted, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := checked(t, dir)
	if err == nil {
		t.Fatal("nothing is found")
	}
	for _, m := range mistakes {
		if !strings.Contains(err.Error(), m.says) {
			t.Errorf("%q in %s is not found as %q", m.planted, m.file, m.says)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

// checked checks the project in a folder.
func checked(t *testing.T, dir string) error {
	t.Helper()
	return withCompiler(t.Context(), func(tsc compiler) error { return tsc.check(t.Context(), dir) })
}

// TestDeclarations compares the declarations of the client that are committed with its
// sources, and finds what differs, what is missing and what is too many.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../..", client))); err != nil {
		t.Fatal(err)
	}
	err := withCompiler(t.Context(), func(tsc compiler) error {
		if err := tsc.declare(t.Context(), dir, false); err != nil {
			t.Errorf("as they are committed: %v", err)
		}
		for name, text := range map[string]string{"config.d.ts": "x", "old.d.ts": "x"} {
			if err := os.WriteFile(filepath.Join(dir, types, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
		if err := os.Remove(filepath.Join(dir, types, "index.d.ts")); err != nil {
			return err
		}
		err := tsc.declare(t.Context(), dir, false)
		for _, says := range []string{"config.d.ts is not what", "index.d.ts is not what", "old.d.ts belongs to no source"} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q is not found: %v", says, err)
			}
		}
		if err := tsc.declare(t.Context(), dir, true); err != nil {
			return err
		}
		return tsc.declare(t.Context(), dir, false)
	})
	if err != nil {
		t.Errorf("after they are written: %v", err)
	}
}
