package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/millrace/millrace/deploy/apt"
)

// Program returns the path of Chromium, which it installs where there is none.
// Several processes may call it at once: one of them installs.
func Program(ctx context.Context) (string, error) {
	if path := find(); path != "" {
		return path, nil
	}
	unlock, err := apt.Lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if path := find(); path != "" {
		return path, nil // somebody else has installed it
	}
	if err := install(ctx); err != nil {
		return "", fmt.Errorf("install Chromium: %w", err)
	}
	if path := find(); path != "" {
		return path, nil
	}
	return "", errors.New("there is no Chromium, even after its installation")
}

func install(ctx context.Context) error {
	if release, err := os.ReadFile("/etc/os-release"); err == nil && isUbuntu(string(release)) {
		return errors.New("the Chromium of Ubuntu is a snap, which no test can run: install google-chrome-stable from Google")
	}
	i, err := apt.Open(ctx, "Chromium", "chromium")
	if err != nil {
		return err
	}
	// Without any fonts a page is measured and painted as no person sees it.
	return i.Install(ctx, "chromium", "fonts-liberation")
}

// isUbuntu reports whether a file os-release is that of an Ubuntu.
func isUbuntu(release string) bool {
	return slices.ContainsFunc(strings.Split(release, "\n"), func(line string) bool {
		return strings.Trim(strings.TrimPrefix(line, "ID="), `"`) == "ubuntu"
	})
}

// find looks for the programs by the names that they have.
func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
