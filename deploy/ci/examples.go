package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
)

// examples checks the modules below deploy/examples as their authors would.
func examples(ctx context.Context, out io.Writer) tally {
	mods, err := filepath.Glob("deploy/examples/*/go.mod")
	if err != nil || len(mods) == 0 {
		_, _ = fmt.Fprintln(out, "ci: there are no examples:", err)
		return tally{failed: 1}
	}
	var total tally
	for _, mod := range mods {
		total.add(example(ctx, out, filepath.Dir(mod)))
	}
	return total
}

// example checks the module in a folder.
func example(ctx context.Context, out io.Writer, dir string) tally {
	total := commandIn(dir, "go", "mod", "tidy", "-diff")(ctx, out)
	if total.failed > 0 {
		_, _ = fmt.Fprintf(out, "run: cd %s && go mod tidy\n", dir)
	}
	total.add(commandIn(dir, "go", "vet", "./...")(ctx, out))
	total.add(commandIn(dir, "go", elsewhere("staticcheck", "./...")...)(ctx, out))
	total.add(goTest(ctx, out, dir, "-count=1", "-timeout=15m", "./..."))
	return total
}

// elsewhere is the arguments of go that run a pinned tool from any folder.
func elsewhere(name string, args ...string) []string {
	modfile := filepath.Join(root(), "deploy", "tools", name, "go.mod")
	return append([]string{"tool", "-modfile=" + modfile, name}, args...)
}
