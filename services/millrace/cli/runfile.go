package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// DefaultDataDir is where millrace dev keeps its data, below the working directory.
const DefaultDataDir = ".millrace"

// runFileName is the file by which the command line finds the mill of a folder.
const runFileName = "run.json"

// RunFile says where the mill of a data directory listens.
type RunFile struct {
	HTTP string `json:"http"`
	// NATS is empty when the broker is not open to other processes.
	NATS string `json:"nats,omitempty"`
	PID  int    `json:"pid"`
}

// writeRunFile writes dir/run.json so that readers see all of it or none.
func writeRunFile(dir string, r RunFile) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, runFileName+".*")
	if err != nil {
		return err
	}
	_, werr := temp.Write(append(data, '\n'))
	err = errors.Join(werr, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, runFileName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// removeRunFile removes dir/run.json if it is still the one of this process.
func removeRunFile(dir string) error {
	r, err := readRunFile(dir)
	if err != nil || r.PID != os.Getpid() {
		return nil //nolint:nilerr // nothing of ours is there
	}
	return os.Remove(filepath.Join(dir, runFileName))
}

func readRunFile(dir string) (RunFile, error) {
	var r RunFile
	data, err := os.ReadFile(filepath.Join(dir, runFileName))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

// findRunFile looks for .millrace/run.json in dir and in the folders above it.
func findRunFile(dir string) (r RunFile, path string, found bool) {
	for {
		data := filepath.Join(dir, DefaultDataDir)
		if r, err := readRunFile(data); err == nil && r.HTTP != "" {
			return r, filepath.Join(data, runFileName), true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return RunFile{}, "", false
		}
		dir = parent
	}
}

// alive reports whether the process that wrote r still runs.
func (r RunFile) alive() bool {
	return r.PID > 0 && !errors.Is(syscall.Kill(r.PID, 0), syscall.ESRCH)
}
