package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// fileLog keeps each record as a file: the name is its position, counted from 1
// under its key. Linking a file to a name that is taken fails, which is how two
// processes cannot both write after the same record.
type fileLog struct{ dir string }

var _ checkpoint.Log = fileLog{}

func (l fileLog) folder(k checkpoint.Key) string {
	return filepath.Join(l.dir, k.Tenant+"."+k.Job+"."+k.Step+"."+k.Effect)
}

// Append links a new file.
func (l fileLog) Append(_ context.Context, k checkpoint.Key, after uint64, data []byte) (uint64, error) {
	dir := l.folder(k)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fault.New(fault.ArtifactIO, "log", err)
	}
	temp, err := l.temp(k, data)
	if err != nil {
		return 0, fault.New(fault.ArtifactIO, "log", err)
	}
	defer os.Remove(temp)
	at := after + 1
	err = os.Link(temp, filepath.Join(dir, strconv.FormatUint(at, 10)))
	switch {
	case errors.Is(err, fs.ErrExist):
		return 0, fault.New(fault.CheckpointOvertaken, "step "+k.Step, nil)
	case err != nil:
		return 0, fault.New(fault.ArtifactIO, "log", err)
	}
	return at, nil
}

// temp writes a file that is no record yet.
func (l fileLog) temp(k checkpoint.Key, data []byte) (string, error) {
	f, err := os.CreateTemp(l.folder(k), ".new-")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	return f.Name(), errors.Join(err, f.Sync(), f.Close())
}

// tear leaves half of a record, as a process does that dies while it writes.
func (l fileLog) tear(k checkpoint.Key, data []byte) {
	if err := os.MkdirAll(l.folder(k), 0o755); err == nil {
		_, _ = l.temp(k, data[:len(data)/2]) // nobody reads it
	}
}

// Last reads the newest file.
func (l fileLog) Last(ctx context.Context, k checkpoint.Key) (checkpoint.Entry, error) {
	kept, err := l.Kept(ctx, k)
	if err != nil {
		return checkpoint.Entry{}, err
	}
	if len(kept) == 0 {
		return checkpoint.Entry{}, fault.New(fault.CheckpointNone, "step "+k.Step, nil)
	}
	return kept[len(kept)-1], nil
}

// Kept reads all files.
func (l fileLog) Kept(_ context.Context, k checkpoint.Key) ([]checkpoint.Entry, error) {
	var kept []checkpoint.Entry
	for at := uint64(1); ; at++ {
		data, err := os.ReadFile(filepath.Join(l.folder(k), strconv.FormatUint(at, 10)))
		if errors.Is(err, fs.ErrNotExist) {
			return kept, nil
		}
		if err != nil {
			return nil, fault.New(fault.ArtifactIO, "log", err)
		}
		kept = append(kept, checkpoint.Entry{Position: at, Data: data})
	}
}
