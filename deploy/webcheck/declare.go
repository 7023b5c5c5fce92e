package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// What says which declarations are made, and where they are, in the folder of a project.
const (
	declarations = "tsconfig.types.json"
	types        = "types"
	// shapes holds nothing but types and is its own declaration, which is generated with it.
	shapes, shapesDeclared = "api_gen.ts", "api_gen.d.ts"
)

// declare makes the declarations of the project in a folder and compares them with those
// that are there, or writes them.
func (c compiler) declare(ctx context.Context, dir string, write bool) (err error) {
	made, err := os.MkdirTemp("", "declarations-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(made)) }()
	if err := c.run(ctx, "--project", filepath.Join(dir, declarations), "--outDir", made); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, shapes))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, shapesDeclared), text, 0o644); err != nil {
		return err
	}
	there := filepath.Join(dir, types)
	if !write {
		return compare(made, there)
	}
	return errors.Join(os.RemoveAll(there), os.CopyFS(there, os.DirFS(made)))
}

// compare fails for every file that differs, is missing, or is too many.
func compare(made, there string) error {
	want, err := read(made)
	if err != nil {
		return err
	}
	got, err := read(there)
	if err != nil {
		return err
	}
	var errs []error
	for name, text := range want {
		if !bytes.Equal(got[name], text) {
			errs = append(errs, fmt.Errorf("%s is not what the sources give; run: go run ./deploy/webcheck -write", filepath.Join(there, name)))
		}
	}
	for name := range got {
		if want[name] == nil {
			errs = append(errs, fmt.Errorf("%s belongs to no source", filepath.Join(there, name)))
		}
	}
	return errors.Join(errs...)
}

// read returns the files of a folder by their names; none where there is no folder.
func read(dir string) (map[string][]byte, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}
