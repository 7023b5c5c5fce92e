package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/millrace/millrace/deploy/apt"
)

// places are where the programs of PostgreSQL lie on usual systems, beside PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin",
}

// Install returns the folder of initdb and postgres. Where there is none it installs the
// package postgresql, as package apt can, without a server that would run by itself.
// Several processes may call it at once: one of them installs.
func Install(ctx context.Context) (string, error) {
	if dir := find(); dir != "" {
		return dir, nil
	}
	unlock, err := apt.Lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if dir := find(); dir != "" {
		return dir, nil // somebody else has installed it
	}
	if err := install(ctx); err != nil {
		return "", fmt.Errorf("install PostgreSQL: %w", err)
	}
	if dir := find(); dir != "" {
		return dir, nil
	}
	return "", errors.New("postgresql was installed, and its programs are not to be found")
}

func install(ctx context.Context) error {
	i, err := apt.Open(ctx, "PostgreSQL (initdb and postgres)", "postgresql")
	if err != nil {
		return err
	}
	if err := i.Install(ctx, "postgresql-common"); err != nil {
		return err
	}
	err = i.Run(ctx, "sed", "-i", "s/^#*create_main_cluster.*/create_main_cluster = false/",
		"/etc/postgresql-common/createcluster.conf")
	if err != nil {
		return err
	}
	return i.Install(ctx, "postgresql")
}

// find returns the folder with both programs, or nothing. Of several versions the
// newest counts.
func find() string {
	var dirs []string
	for _, pattern := range places {
		// The patterns are well formed.
		found, _ := filepath.Glob(pattern)
		slices.Sort(found)
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir
		}
	}
	return ""
}
