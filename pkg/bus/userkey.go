package bus

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/fault"
)

// userKey proves who one is by a key in a file. The file is read again at each
// connection, so that a key can be replaced while the process runs: the one in hand is
// used as long as the broker takes it, and the next attempt is made with what the file
// holds then.
type userKey struct {
	path string
	// conn is set once there is one.
	conn atomic.Pointer[nats.Conn]

	mu     sync.Mutex
	pair   nkeys.KeyPair
	public string
}

// openUserKey reads a key. Fault: broker.bad_key.
func openUserKey(path string) (*userKey, error) {
	pair, public, err := readUserKey(path)
	if err != nil {
		return nil, err
	}
	return &userKey{path: path, pair: pair, public: public}, nil
}

func readUserKey(path string) (pair nkeys.KeyPair, public string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fault.New(fault.BrokerBadKey, "read the key of a broker's user", err)
	}
	defer clear(data)
	if pair, public, err = brokeruser.ParseKey(data); err != nil {
		return nil, "", fault.New(fault.BrokerBadKey, path, nil)
	}
	return pair, public, nil
}

// option gives the key to a connection that is to be made.
func (k *userKey) option() nats.Option {
	k.mu.Lock()
	defer k.mu.Unlock()
	return nats.Nkey(k.public, k.sign)
}

// sign signs what the broker asks, and takes the file's key for the next attempt. The
// client calls it with the lock held under which it reads its options, which makes it
// the one place where the name that it gives itself may be changed.
func (k *userKey) sign(nonce []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	signature, err := k.pair.Sign(nonce)
	nc := k.conn.Load()
	if nc == nil {
		return signature, err
	}
	// A file that is being replaced leaves the key that there is.
	if pair, public, err := readUserKey(k.path); err == nil && public != k.public {
		k.pair, k.public = pair, public
		nc.Opts.Nkey = public
	}
	return signature, err
}
