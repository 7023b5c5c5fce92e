package identity

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// FirstID is the id of the key that a mill begins with.
const FirstID = "first"

// First makes the key that a mill begins with, for all tenants and everything, unless
// the mill has begun, and writes it to a file that only its owner reads. made is false
// when there was one before, also one that was revoked: then nothing is written. Of
// several processes at once one makes it. Faults: mill.start_failed, those of the bus.
func (k *Keys) First(ctx context.Context, path string) (made bool, err error) {
	if _, _, err := k.kv.Get(ctx, keyPrefix+FirstID); !fault.Has(err, fault.BusNotFound) {
		return false, err
	}
	// The file comes first: a key that nobody has is of no use, and a file without a
	// key is written again.
	t := NewToken(FirstID)
	if err := WriteToken(path, t); err != nil {
		return false, err
	}
	c := credential{Hash: t.Hash(), Key: api.Key{
		ID: FirstID, Name: FirstID, Tenant: AnyTenant, Scopes: []string{string(Admin)},
		CreatedAt: k.now(), CreatedBy: "mill",
	}}
	err = k.store(ctx, c, 0)
	if fault.Has(err, fault.BusFenced) { // another process was faster
		return false, os.Remove(path)
	}
	return err == nil, err
}

// WriteToken writes a key to a file that only its owner may read. Readers see all of
// it or none. Fault: mill.start_failed.
func WriteToken(path string, t Token) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return fault.New(fault.MillStartFailed, "write a key", err)
	}
	_, werr := f.WriteString(t.Reveal() + "\n")
	err = errors.Join(werr, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fault.New(fault.MillStartFailed, "write a key", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
