package mill

import (
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// certEvery is how often the files of a certificate are looked at, while there are
// handshakes.
const certEvery = 5 * time.Second

// certificate is a certificate and its key in files that may be replaced while the
// mill runs.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	stamp   [2]time.Time // of the files that were loaded
	checked time.Time
}

// listen opens the HTTP door, behind TLS when there is a certificate. Fault:
// mill.start_failed.
func (m *Mill) listen() (net.Listener, error) {
	var cert *certificate
	if m.TLSCert != "" {
		cert = &certificate{cert: m.TLSCert, key: m.TLSKey, log: m.Log}
		if _, err := cert.get(nil); err != nil {
			return nil, fault.New(fault.MillStartFailed, "load the TLS certificate", err)
		}
	}
	l, err := net.Listen("tcp", m.HTTPAddr)
	if err != nil {
		return nil, fault.New(fault.MillStartFailed, "listen for HTTP", err)
	}
	if cert == nil {
		return l, nil
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: cert.get,
	}), nil
}

// get returns the certificate, and loads it again when its files have changed. When
// they cannot be loaded, the one before goes on.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.checked) < certEvery {
		return c.loaded, nil
	}
	c.checked = time.Now()
	stamp, err := c.stamps()
	if err == nil && c.loaded != nil && stamp == c.stamp {
		return c.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	switch {
	case err == nil:
		if c.loaded != nil {
			c.log.Info("TLS certificate loaded again", "file", c.cert)
		}
		c.loaded, c.stamp = &pair, stamp
	case c.loaded == nil:
		return nil, err
	default:
		c.log.Warn("the TLS certificate cannot be loaded again; going on with the one before", "error", err)
	}
	return c.loaded, nil
}

// stamps are the times of the files.
func (c *certificate) stamps() (s [2]time.Time, err error) {
	for i, path := range []string{c.cert, c.key} {
		info, err := os.Stat(path)
		if err != nil {
			return s, err
		}
		s[i] = info.ModTime()
	}
	return s, nil
}
