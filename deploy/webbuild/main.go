// Command webbuild bundles what is written in TypeScript. From the dashboard's sources and
// styles below services/gateway/web it makes what the gateway serves, below
// services/gateway/dist; from the client's in pkg/client/ts the module that programs load,
// below pkg/client/ts/dist. It needs Go and nothing else. The same sources always give the
// same bytes.
//
//	go run ./deploy/webbuild          write the bundles
//	go run ./deploy/webbuild -check   fail when a bundle is not that of its sources
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// bundle is what is made of some sources.
type bundle struct {
	// sources is where they are and to where the bundle goes, from the root of the module.
	sources, to string
	// entry is the source that leads to all others, and out what becomes of it.
	entry, out string
	// minified is true for what browsers load as it is.
	minified bool
	// copied are the files that go along as they are.
	copied []string
}

var (
	dashboard = bundle{
		sources: "services/gateway/web", to: "services/gateway/dist", entry: "main.tsx", out: "app.js",
		minified: true, copied: []string{"index.html", "icon.svg"},
	}
	client = bundle{sources: "pkg/client/ts", to: "pkg/client/ts/dist", entry: "index.ts", out: "millrace.js"}
)

func main() {
	check := flag.Bool("check", false, "compare, and write nothing")
	root := flag.String("root", ".", "the root of the module")
	flag.Parse()
	if err := errors.Join(dashboard.run(*root, *check), client.run(*root, *check)); err != nil {
		fmt.Fprintln(os.Stderr, "webbuild:", err)
		os.Exit(1)
	}
}

// run writes the bundle, or compares it with the one that is there.
func (b bundle) run(root string, check bool) error {
	files, err := b.build(filepath.Join(root, b.sources))
	if err != nil {
		return err
	}
	dir := filepath.Join(root, b.to)
	if check {
		return compare(dir, files)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// build returns the files of the bundle, from sources in a folder, by their names.
func (b bundle) build(dir string) (map[string][]byte, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		AbsWorkingDir:     dir,
		EntryPoints:       []string{b.entry},
		Outfile:           filepath.Join(dir, b.out),
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		JSX:               api.JSXTransform,
		JSXFactory:        "h",
		MinifySyntax:      b.minified,
		MinifyWhitespace:  b.minified,
		MinifyIdentifiers: b.minified,
		LegalComments:     api.LegalCommentsNone,
		LogLevel:          api.LogLevelSilent,
	})
	if len(result.Errors) > 0 || len(result.Warnings) > 0 {
		said := api.FormatMessages(append(result.Errors, result.Warnings...), api.FormatMessagesOptions{})
		return nil, errors.New(strings.TrimSpace(strings.Join(said, "")))
	}
	files := make(map[string][]byte)
	for _, f := range result.OutputFiles {
		files[filepath.Base(f.Path)] = f.Contents
	}
	for _, name := range b.copied {
		if files[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// compare fails for every file that differs, is missing, or is too many.
func compare(dir string, files map[string][]byte) error {
	var errs []error
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("%s is not what the sources give; run: go run ./deploy/webbuild", filepath.Join(dir, name))
		}
		errs = append(errs, err)
	}
	there, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, e := range there {
		if _, ok := files[e.Name()]; !ok {
			errs = append(errs, fmt.Errorf("%s belongs to no source", filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
