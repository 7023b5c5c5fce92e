package mill

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/identity/oidc"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/services/gateway"
)

// Who may use the HTTP door.
const (
	// AuthNone asks nobody: everybody who reaches the door may do everything, for
	// whichever tenant they say.
	AuthNone = "none"
	// AuthLocal takes requests from this machine without credentials for those of
	// the mill's owner while the door is on loopback, and holds all others to their
	// keys.
	AuthLocal = "local"
	// AuthKeys holds every request to its key or token.
	AuthKeys = "keys"
)

// Names of files in the data directory that hold a key.
const (
	// LocalKeyFile holds the key of the mill's owner on this machine.
	LocalKeyFile = "local.key"
	// FirstKeyFile holds the key that a mill with identity begins with.
	FirstKeyFile = "admin.key"
)

// checkDoor refuses a door that others can reach and nothing guards, unless that was
// said plainly. Faults: mill.bad_config, mill.unsafe_address.
func (c *Config) checkDoor() error {
	switch c.Auth {
	case "":
		c.Auth = AuthNone
	case AuthNone, AuthLocal, AuthKeys:
	default:
		return badConfig("auth is none, local or keys, not " + fault.Clip(c.Auth, 40))
	}
	switch {
	case c.OIDC != nil && c.Auth == AuthNone:
		return badConfig("an issuer of tokens is of no use while identity is off: say --auth keys")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return badConfig("TLS takes a certificate and its key, both")
	}
	if err := c.checkAddr(c.HTTPAddr, c.Auth != AuthNone, c.TLSCert != ""); err != nil {
		return err
	}
	// The broker inside and the door for those who watch ask nobody, and have no TLS.
	if err := c.checkAddr(c.NATSListen, false, false); err != nil {
		return err
	}
	return c.checkAddr(c.MetricsAddr, false, false)
}

// checkAddr refuses an address off loopback where nobody is asked, or without TLS.
func (c *Config) checkAddr(addr string, asks, tls bool) error {
	switch {
	case addr == "" || netguard.Loopback(addr):
	case !asks && !c.InsecureNoAuth:
		return fault.New(fault.MillUnsafeAddress, addr+" is not loopback, and nobody is asked there who they are", nil)
	case !tls && !c.InsecureNoTLS:
		return fault.New(fault.MillUnsafeAddress, addr+" is not loopback, and there is no TLS", nil)
	}
	return nil
}

// guard fills in who may use the gateway.
func (m *Mill) guard(ctx context.Context, conn *bus.Conn, running *parts, g *gateway.Config) error {
	if m.Auth == AuthNone {
		return nil
	}
	kv, err := conn.KV(ctx, events.BucketCredentials)
	if err != nil {
		return err
	}
	keys := identity.NewKeys(kv, identity.Options{Log: m.Log.With("part", "keys")})
	if m.MakeLocalKey {
		if g.LocalKey, err = localKey(filepath.Join(m.DataDir, LocalKeyFile)); err != nil {
			return err
		}
	} else if m.firstKey, err = keys.First(ctx, filepath.Join(m.DataDir, FirstKeyFile)); err != nil {
		return err
	}
	if err := keys.Read(ctx); err != nil {
		m.Log.Warn("keys cannot be read yet", "error", err)
	}
	running.start(ctx, "keys", keys.Run)
	door := identity.Door{Keys: keys}
	if m.OIDC != nil {
		c := *m.OIDC
		c.Log = m.Log.With("part", "oidc")
		v, err := oidc.New(c)
		if err != nil {
			return err
		}
		running.start(ctx, "issuer", v.Run)
		door.Issuer = v
	}
	g.Auth, g.Keys, g.TrustLocal = door, keys, m.Auth == AuthLocal
	return nil
}

// localKey returns the key in a file, which is made when it is not there, is no key,
// or can be read by others. Fault: mill.start_failed.
func localKey(path string) (identity.Token, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 == 0 {
		data, err := os.ReadFile(path)
		if t, ok := identity.ParseToken(strings.TrimSpace(string(data))); ok && err == nil {
			return t, nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return identity.Token{}, fault.New(fault.MillStartFailed, "read the local key", err)
	}
	t := identity.NewToken("local")
	return t, identity.WriteToken(path, t)
}

// FirstKey is the file with the key that the mill has begun with, when this start has
// made it. It is known once the mill is ready.
func (m *Mill) FirstKey() string {
	if !m.firstKey {
		return ""
	}
	return filepath.Join(m.DataDir, FirstKeyFile)
}
