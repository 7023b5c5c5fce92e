// Package promtool gives tests the promtool of Prometheus, which checks rules and tries
// them on series that were made up, and reads what PromQL asks for.
package promtool

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/millrace/millrace/deploy/apt"
)

const name = "promtool"

// Install returns the path of promtool. Where there is none it installs the package
// prometheus, as package apt can. Several processes may call it at once: one of them
// installs.
func Install(ctx context.Context) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	unlock, err := apt.Lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if path, err := exec.LookPath(name); err == nil {
		return path, nil // somebody else has installed it
	}
	i, err := apt.Open(ctx, name, "prometheus")
	if err == nil {
		err = i.Install(ctx, "prometheus")
	}
	if err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("prometheus was installed, and promtool is not to be found")
	}
	return path, nil
}

// Run runs promtool, installed if need be. The error holds what it has printed.
func Run(ctx context.Context, args ...string) error {
	path, err := Install(ctx)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, path, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("promtool %v: %w\n%s", args, err, out)
	}
	return nil
}
