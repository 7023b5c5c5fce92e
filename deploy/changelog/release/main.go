// Command release prints what the next release changes for users. With -version it
// writes that into the changelog instead, and removes the fragments.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/deploy/changelog"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("release: ")
	name := flag.String("version", "", "write the release of this `VERSION`, such as 1.2.3")
	date := flag.String("date", time.Now().UTC().Format(time.DateOnly), "`DAY` of the release")
	flag.Parse()
	if err := run(os.Stdout, ".", *name, *date); err != nil {
		log.Fatal(err)
	}
}

// run prints or writes a release, below the root of the module.
func run(out io.Writer, root, name, date string) error {
	list, err := changelog.Read(os.DirFS(root))
	if err != nil {
		return err
	}
	if name == "" {
		_, err := fmt.Fprint(out, changelog.Section("Unreleased", list))
		return err
	}
	file := filepath.Join(root, changelog.File)
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := changelog.Release(string(old), name, date, list)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	for _, f := range list {
		if err := os.Remove(filepath.Join(root, changelog.Folder, f.Name+".md")); err != nil {
			return err
		}
	}
	return nil
}
