package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// Where a key or token is found that no flag gives.
const (
	// profileName is the file that holds one for each server, below the user's
	// folder of configuration.
	profileName = "millrace/profile.json"
)

// profile is what a user has written down about servers, by their addresses.
type profile struct {
	Servers map[string]struct {
		Token string `json:"token"`
	} `json:"servers"`
}

// credential finds the key or token for a server: the flag --token, the environment,
// the local key beside the run.json that names the server, or the profile. Empty
// means that there is none. A token is sent to the server that it was given for.
func (p *Program) credential(address string) (string, error) {
	if file, ok := strings.CutPrefix(p.token, "@"); ok {
		data, err := readPrivate(p.absolute(file))
		if err != nil {
			return "", usage("--token: %v", err)
		}
		return strings.TrimSpace(string(data)), nil
	}
	if p.token != "" {
		return p.token, nil
	}
	if env := p.Getenv(tokenEnv); env != "" {
		return env, nil
	}
	if key := p.localKey(address); key != "" {
		return key, nil
	}
	return p.profileToken(address)
}

// localKey is the key that the mill of this folder has made for whoever can read it.
// It goes to that mill alone.
func (p *Program) localKey(address string) string {
	r, path, found := findRunFile(p.Dir)
	if !found || r.HTTP != address || !ownMachine(address) {
		return ""
	}
	data, err := readPrivate(filepath.Join(filepath.Dir(path), mill.LocalKeyFile))
	if err != nil {
		return "" // a mill without identity has none
	}
	return strings.TrimSpace(string(data))
}

// profileToken is what the profile says of a server. No profile is no mistake.
func (p *Program) profileToken(address string) (string, error) {
	dir := p.Getenv("XDG_CONFIG_HOME")
	if home := p.Getenv("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".config")
	}
	if dir == "" {
		return "", nil
	}
	path := filepath.Join(dir, profileName)
	data, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var all profile
	if err == nil && json.Unmarshal(data, &all) != nil {
		err = errors.New(path + ` is not {"servers": {"URL": {"token": "…"}}}`)
	}
	if err != nil {
		return "", fault.New(fault.CliUsage, "read the profile: "+err.Error(), nil)
	}
	return all.Servers[address].Token, nil
}

// readPrivate reads a small file that nobody but its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return nil, errors.New(path + " can be read by others; run chmod 600 on it")
	}
	return os.ReadFile(path)
}

// ownMachine reports whether an address is on this machine.
func ownMachine(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// exposed reports whether a token would go over a network as it is.
func exposed(address string) bool {
	return strings.HasPrefix(address, "http://") && !ownMachine(address)
}
