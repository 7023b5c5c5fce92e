package seal

import (
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/millrace/millrace/pkg/fault"
)

// MaxRecipients is how many recipients [ParseRecipients] takes.
const MaxRecipients = 64

// ParseRecipients reads age public keys: X25519 ("age1…") or the post-quantum
// hybrid ("age1pq1…"). The two kinds do not mix, because the weaker would decide.
//
// The fault is crypt.bad_recipient, also for none, for more than [MaxRecipients]
// and for one that is listed twice. It names the place in the list and not what
// stands there, which may be a secret key by mistake.
func ParseRecipients(keys []string) ([]age.Recipient, error) {
	if len(keys) == 0 || len(keys) > MaxRecipients {
		return nil, badRecipient(fmt.Sprintf("there are %d, from 1 to %d are allowed", len(keys), MaxRecipients))
	}
	list := make([]age.Recipient, len(keys))
	seen := map[string]int{}
	hybrids := 0
	for i, key := range keys {
		if first, twice := seen[key]; twice {
			return nil, badRecipient(fmt.Sprintf("recipient %d is the same as %d", i+1, first))
		}
		seen[key] = i + 1
		var err error
		if strings.HasPrefix(key, "age1pq1") {
			hybrids++
			list[i], err = age.ParseHybridRecipient(key)
		} else {
			list[i], err = age.ParseX25519Recipient(key)
		}
		if err != nil {
			return nil, badRecipient(fmt.Sprintf("recipient %d is no age public key", i+1))
		}
	}
	if hybrids != 0 && hybrids != len(list) {
		return nil, badRecipient("post-quantum and classic ones do not mix")
	}
	return list, nil
}

func badRecipient(why string) error { return fault.New(fault.CryptBadRecipient, why, nil) }

// ReadIdentities reads a file as age-keygen writes it: age secret keys, one in a
// line. The fault is crypt.bad_key_file; it shows nothing of the file.
func ReadIdentities(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.CryptBadKeyFile, "", err)
	}
	defer f.Close()
	return ParseIdentities(f)
}

// ParseIdentities is [ReadIdentities] for what r yields.
func ParseIdentities(r io.Reader) ([]age.Identity, error) {
	list, err := age.ParseIdentities(r)
	if err != nil {
		return nil, fault.New(fault.CryptBadKeyFile, "it lacks age identities, or a line of it is none", nil)
	}
	return list, nil
}
