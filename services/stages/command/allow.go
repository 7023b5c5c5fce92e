package command

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// program is one that the operator allows: by path, or by a name to look up.
type program struct{ path, name string }

func allowed(list []string) []program {
	var out []program
	for _, entry := range list {
		if !strings.Contains(entry, "/") {
			out = append(out, program{name: entry})
			continue
		}
		if abs, err := filepath.Abs(entry); err == nil {
			out = append(out, program{path: abs, name: filepath.Base(abs)})
		}
	}
	return out
}

// find returns the path of the program that a step calls name.
func (c *commander) find(name string) (string, error) {
	for _, p := range c.allow {
		if name == "" || (name != p.name && name != p.path) {
			continue
		}
		if p.path != "" {
			return p.path, nil
		}
		path, err := exec.LookPath(p.name)
		if err != nil {
			return "", fault.New(fault.CommandNotFound, fault.Clip(name, 200), plain(err))
		}
		return path, nil
	}
	return "", fault.New(fault.CommandNotAllowed, fault.Clip(name, 200), nil)
}

// plain is the cause of an error that names a path, without the path.
func plain(err error) error {
	var looked *exec.Error
	if errors.As(err, &looked) {
		return looked.Err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
