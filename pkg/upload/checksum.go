package upload

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the protocol asks for it; it guards against accidents only
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/http"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// checksumAlgorithms is what Upload-Checksum may name.
const checksumAlgorithms = "sha1,sha256"

// checksum is what the body of a request must add up to.
type checksum struct {
	hash hash.Hash
	want []byte
}

// checksumOf reads the Upload-Checksum header; nil means that there is none. Fault:
// http.bad_request.
func checksumOf(h http.Header) (*checksum, error) {
	v := h.Get("Upload-Checksum")
	if v == "" {
		return nil, nil
	}
	name, coded, _ := strings.Cut(v, " ")
	c := &checksum{}
	switch name {
	case "sha1":
		c.hash = sha1.New() //nolint:gosec // see above
	case "sha256":
		c.hash = sha256.New()
	default:
		return nil, fault.New(fault.HTTPBadRequest,
			"Upload-Checksum names "+fault.Clip(name, 40)+"; there are "+checksumAlgorithms, nil)
	}
	var err error
	if c.want, err = base64.StdEncoding.DecodeString(coded); err != nil || len(c.want) != c.hash.Size() {
		return nil, fault.New(fault.HTTPBadRequest, "Upload-Checksum is not a name and a sum in base64", nil)
	}
	return c, nil
}

// check compares. Fault: upload.checksum.
func (c *checksum) check() error {
	if bytes.Equal(c.hash.Sum(nil), c.want) {
		return nil
	}
	return fault.New(fault.UploadChecksum, "nothing of this request was kept", nil)
}
