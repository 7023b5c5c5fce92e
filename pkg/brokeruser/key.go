package brokeruser

import (
	"bytes"

	"github.com/nats-io/nkeys"

	"github.com/millrace/millrace/pkg/fault"
)

// ParseKey reads the secret half of a user's key, as it stands in a file: one line that
// begins with SU. It returns the pair, and its public half, which begins with U. Fault:
// broker.bad_key, which says nothing of what it has read.
func ParseKey(data []byte) (pair nkeys.KeyPair, public string, err error) {
	bad := fault.New(fault.BrokerBadKey, "", nil)
	seed := bytes.TrimSpace(data)
	if prefix, _, err := nkeys.DecodeSeed(seed); err != nil || prefix != nkeys.PrefixByteUser {
		return nil, "", bad
	}
	if pair, err = nkeys.FromSeed(seed); err != nil {
		return nil, "", bad
	}
	if public, err = pair.PublicKey(); err != nil {
		return nil, "", bad
	}
	return pair, public, nil
}
