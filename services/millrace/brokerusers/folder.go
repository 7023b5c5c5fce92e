// Package brokerusers keeps the keys of the broker's users in a folder: a file with the
// secret half for each role, and one for nats-server with the public halves and what
// each may do.
package brokerusers

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/fault"
)

// ConfigFile is the name of the file for nats-server.
const ConfigFile = "users.conf"

// oldEnd ends the names of files with keys that are to be retired.
const oldEnd = ".old.nk"

// Folder is where keys are kept. One program at a time may change it.
type Folder struct{ dir string }

// Open makes a folder, if it is not there. Fault: broker.folder_unusable.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, unusable("make the folder", err)
	}
	return &Folder{dir}, nil
}

// Path is where the key of a role is.
func (f *Folder) Path(r brokeruser.Role) string { return filepath.Join(f.dir, r.File()) }

// ConfigPath is where the file for nats-server is.
func (f *Folder) ConfigPath() string { return filepath.Join(f.dir, ConfigFile) }

// Ensure makes keys for those roles that have none, and returns these. Faults:
// broker.folder_unusable.
func (f *Folder) Ensure(roles []brokeruser.Role) (made []brokeruser.Role, err error) {
	for _, r := range roles {
		err := writeKey(f.Path(r))
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return made, unusable("write the key of "+string(r), err)
		}
		made = append(made, r)
	}
	return made, nil
}

// Rotate makes a new key for a role that has one. The one before goes on working until
// it is retired. Faults: broker.no_key, broker.rotation_open, broker.folder_unusable.
func (f *Folder) Rotate(r brokeruser.Role) error {
	err := os.Link(f.Path(r), f.old(r))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.BrokerNoKey, string(r), nil)
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.BrokerRotationOpen, string(r), nil)
	case err != nil:
		return unusable("keep the old key of "+string(r), err)
	}
	next := f.Path(r) + ".new"
	if err := writeKey(next); err != nil {
		return unusable("write the key of "+string(r), errors.Join(err, os.Remove(f.old(r))))
	}
	if err := os.Rename(next, f.Path(r)); err != nil {
		return unusable("write the key of "+string(r), errors.Join(err, os.Remove(f.old(r))))
	}
	return nil
}

// Retire takes away the key that a role had before. Faults: broker.nothing_to_retire,
// broker.folder_unusable.
func (f *Folder) Retire(r brokeruser.Role) error {
	err := os.Remove(f.old(r))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.BrokerNothingToRetire, string(r), nil)
	}
	if err != nil {
		return unusable("remove the old key of "+string(r), err)
	}
	return nil
}

// Users lists the keys that there are, by role, with those that are to be retired.
// Faults: broker.bad_key, broker.folder_unusable.
func (f *Folder) Users() ([]brokeruser.User, error) {
	files, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, unusable("read the folder", err)
	}
	var all []brokeruser.User
	for _, file := range files {
		name := file.Name()
		if base, old := strings.CutSuffix(name, oldEnd); old {
			name = base + ".nk"
		}
		r, err := brokeruser.FromFile(name)
		if err != nil {
			continue // some other file
		}
		u, err := f.user(r, file.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	slices.SortStableFunc(all, func(a, b brokeruser.User) int { return cmp.Compare(a.Role, b.Role) })
	return all, nil
}

// user reads who the key in a file is.
func (f *Folder) user(r brokeruser.Role, name string) (brokeruser.User, error) {
	data, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		return brokeruser.User{}, unusable("read a key", err)
	}
	defer clear(data)
	pair, public, err := brokeruser.ParseKey(data)
	if err != nil {
		return brokeruser.User{}, fault.New(fault.BrokerBadKey, name, nil)
	}
	pair.Wipe()
	return brokeruser.User{Role: r, Key: public}, nil
}

// WriteConfig writes the file for nats-server anew: all of it or nothing. Faults: as for
// Users.
func (f *Folder) WriteConfig() error {
	users, err := f.Users()
	if err != nil {
		return err
	}
	t, err := os.CreateTemp(f.dir, ConfigFile+".*")
	if err != nil {
		return unusable("write "+ConfigFile, err)
	}
	_, werr := t.WriteString(brokeruser.Config(users))
	// It holds no secrets, and nats-server may be another user of this machine.
	err = errors.Join(werr, t.Chmod(0o644), t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), f.ConfigPath())
	}
	if err != nil {
		return unusable("write "+ConfigFile, errors.Join(err, os.Remove(t.Name())))
	}
	return nil
}

// old is where the key is that a role had before.
func (f *Folder) old(r brokeruser.Role) string {
	return strings.TrimSuffix(f.Path(r), ".nk") + oldEnd
}

// writeKey makes a key in a file that must not be there.
func writeKey(path string) error {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err != nil {
		return err
	}
	defer clear(seed)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(seed, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func unusable(doing string, err error) error {
	return fault.New(fault.BrokerFolderUnusable, doing, err)
}
