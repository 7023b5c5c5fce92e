package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// grantPrefix begins the names of grants: the digest and that of the tenant's name.
// They are spread over 256 folders like all blobs.
const grantPrefix = "g/"

func grantName(tenant string, d sum) string {
	t := sha256.Sum256([]byte(tenant))
	return blobName(grantPrefix, d) + "-" + hex.EncodeToString(t[:])
}

// Grant writes down that a tenant has handed the content of digest in itself, so that
// it may have it back. It is durable when Grant returns, and may be repeated. The
// store keeps nobody from reading anything: whoever opens a door to others asks
// [Store.Granted]. Fault: artifact.bad_digest.
func (s *Store) Grant(ctx context.Context, tenant, digest string) error {
	there, err := s.Granted(ctx, tenant, digest)
	if err != nil || there {
		return err
	}
	d, err := parseDigest(digest)
	if err != nil {
		return err
	}
	if err := s.store(ctx, grantName(tenant, d), []byte(tenant)); err != nil {
		return s.fail(ctx, "grant "+digest, err)
	}
	return nil
}

// Granted reports whether a tenant has handed the content of digest in, and it was
// not deleted since. It says nothing of files that jobs have made. Fault:
// artifact.bad_digest.
func (s *Store) Granted(ctx context.Context, tenant, digest string) (bool, error) {
	d, err := s.admit(ctx, digest)
	if err != nil {
		return false, err
	}
	_, err = s.d.Stat(ctx, grantName(tenant, d))
	if err == nil {
		return true, nil
	}
	if err = s.fail(ctx, "look for a grant of "+digest, err); fault.Has(err, fault.ArtifactNotFound) {
		return false, nil
	}
	return false, err
}

// revoke removes the grants of a content that is deleted: whoever stores it again
// tells nobody else of it.
func (s *Store) revoke(ctx context.Context, d sum) error {
	name := blobName(grantPrefix, d)
	for info, err := range s.d.List(ctx, name[:strings.LastIndexByte(name, '/')+1]) {
		if err == nil && strings.HasPrefix(info.Name, name+"-") {
			err = s.d.Delete(ctx, info.Name, always)
		}
		if err != nil {
			return s.fail(ctx, "delete the grants of "+d.String(), err)
		}
	}
	return nil
}
