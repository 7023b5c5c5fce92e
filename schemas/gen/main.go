// Command gen writes what is made from the files of package schemas: the Go types
// of package events, the codes of package fault, and the page of faults. It is
// run by go generate in the schemas folder.
package main

import (
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	if err := run(".."); err != nil {
		log.Fatal(err)
	}
}

// run generates everything and writes what differs, below the module's root.
func run(root string) error {
	files, err := generate(os.DirFS(filepath.Join(root, "schemas")))
	if err != nil {
		return err
	}
	for name, data := range files {
		name = filepath.Join(root, name)
		if old, err := os.ReadFile(name); err == nil && string(old) == string(data) {
			continue
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the generated files by their path below the module's root.
func generate(schemas fs.FS) (map[string][]byte, error) {
	data, err := fs.ReadFile(schemas, "faults.json")
	if err != nil {
		return nil, err
	}
	faults, err := parseFaults(data)
	if err != nil {
		return nil, fmt.Errorf("faults.json: %w", err)
	}
	docs, err := readDocs(schemas)
	if err != nil {
		return nil, err
	}
	codes, err := faultsGo(faults)
	if err != nil {
		return nil, err
	}
	types, err := typesGo(docs)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"pkg/fault/codes_gen.go": codes,
		"events/types_gen.go":    types,
		"schemas/FAULTS.md":      faultsPage(faults),
	}, nil
}

// readDocs reads every schema, by file name.
func readDocs(schemas fs.FS) (map[string]*node, error) {
	names, err := fs.Glob(schemas, "*.v1.json")
	if err != nil {
		return nil, err
	}
	docs := map[string]*node{}
	for _, name := range names {
		data, err := fs.ReadFile(schemas, name)
		if err != nil {
			return nil, err
		}
		if docs[name], err = parse(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return docs, checkListed(docs)
}

// checkListed fails when a schema with Go types is not in the list of sources.
func checkListed(docs map[string]*node) error {
	listed := map[string]bool{"names.v1.json": true}
	for _, s := range sources {
		listed[s+".v1.json"] = true
	}
	var missing []string
	for name := range docs {
		if !listed[name] {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("not in the list of sources: %s", strings.Join(missing, ", "))
	}
	return nil
}
