// Command webcheck checks the types of the project's TypeScript, which esbuild only strips:
// those of the dashboard and of the client. It fetches the compiler of TypeScript, a program
// of its own in this version, from the registry of npm, pinned by its checksum; it needs Go
// and nothing else. What is checked, and how strictly, says the tsconfig.json of each.
//
// The client's declarations, which programs that use it are checked by, are made of its
// sources and committed beside them.
//
//	go run ./deploy/webcheck          fail for mistakes, and for declarations that are not current
//	go run ./deploy/webcheck -write   write the declarations
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/millrace/millrace/deploy/npm"
)

// Where the TypeScript is, from the root of the module.
const (
	dashboard = "services/gateway/web"
	client    = "pkg/client/ts"
)

// compilers are the packages that hold the compiler, by operating system and processor.
// All are of one version.
var compilers = map[string]npm.Package{
	"darwin/amd64": {
		Name: "@typescript/typescript-darwin-x64", Version: "7.0.2",
		Integrity: "sha512-SZ9xZInqApNlNGc9s0W1VSsktYSOe9cFqNOIqmN1Gs8SmkjKZYFt017G4VwPxASInODuAdbTW7sXiFUf893RgA==",
	},
	"darwin/arm64": {
		Name: "@typescript/typescript-darwin-arm64", Version: "7.0.2",
		Integrity: "sha512-gowzar9MwS/aRWp6f3a4KUqzRjAZjOsmGNCM6LcTgXum+dBfgsBVMN+AgvOCCbguXyick6LJhpBszxMebJ8syA==",
	},
	"linux/amd64": {
		Name: "@typescript/typescript-linux-x64", Version: "7.0.2",
		Integrity: "sha512-EYdf2cNg7rgCWJnxCdJ+F3V39O8ihb37eHAu1LK8oAFizgTQbPOK7zHHXbPt8rX24COqODXeI3sIf0fCXG7H/A==",
	},
	"linux/arm64": {
		Name: "@typescript/typescript-linux-arm64", Version: "7.0.2",
		Integrity: "sha512-Qh4eU4/y3yDjnfjjyPYihMj5/ODIlmt+Bzu17OI+fiSRDW57QmU5SiN63exPRNJPKUzcc1INa1NXdrJ+MqHjUQ==",
	},
}

func main() {
	root := flag.String("root", ".", "the root of the module")
	write := flag.Bool("write", false, "write the declarations of the client")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *root, *write)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "webcheck:", err)
		os.Exit(1)
	}
}

// run checks everything below the root of the module.
func run(ctx context.Context, root string, write bool) error {
	return withCompiler(ctx, func(tsc compiler) error {
		return errors.Join(
			tsc.check(ctx, filepath.Join(root, dashboard)),
			tsc.check(ctx, filepath.Join(root, client)),
			tsc.declare(ctx, filepath.Join(root, client), write),
		)
	})
}

// compiler is the path of the program.
type compiler string

// withCompiler unpacks the compiler for as long as fn takes.
func withCompiler(ctx context.Context, fn func(compiler) error) (err error) {
	pinned, ok := compilers[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return fmt.Errorf("no compiler of TypeScript is pinned for %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	unpacked, err := os.MkdirTemp("", "typescript-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(unpacked)) }()
	if err := pinned.Unpack(ctx, unpacked); err != nil {
		return err
	}
	return fn(compiler(filepath.Join(unpacked, "lib", "tsc")))
}

// check compiles the project in a folder and writes nothing. The error has what the
// compiler says.
func (c compiler) check(ctx context.Context, dir string) error {
	return c.run(ctx, "--noEmit", "--project", dir)
}

func (c compiler) run(ctx context.Context, args ...string) error {
	said, err := exec.CommandContext(ctx, string(c), append([]string{"--pretty", "false"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s\n%w", strings.TrimSpace(string(said)), err)
	}
	return nil
}
