package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/millrace/millrace/deploy/filelock"
	"github.com/millrace/millrace/deploy/toolcache"
)

// program is the package of the server, and toolMod the module that pins it.
const (
	program = "github.com/versity/versitygw/cmd/versitygw"
	toolMod = "deploy/tools/versitygw/go.mod"
)

// Build returns the path of the server's program. It is built the first time,
// which takes about a minute, and kept in the user's cache folder until its module
// changes. Several processes may call it at once: one of them builds.
func Build(ctx context.Context) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	tag, err := fingerprint(filepath.Join(root, toolMod))
	if err != nil {
		return "", err
	}
	cache, err := toolcache.Dir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "versitygw-"+tag)
	unlock, err := filelock.Lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-modfile="+toolMod, "-o", path+".new", program)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build versitygw: %w\n%s", err, out)
	}
	return path, os.Rename(path+".new", path)
}

// moduleRoot is the folder at or above the working directory that has the module
// of the server.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, toolMod)); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", errors.New(toolMod + " is not to be found above " + dir)
		}
	}
}

// fingerprint stands for what is built.
func fingerprint(mod string) (string, error) {
	h := sha256.New()
	_, _ = fmt.Fprintln(h, runtime.Version(), runtime.GOARCH)
	for _, name := range []string{mod, filepath.Join(filepath.Dir(mod), "go.sum")} {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
