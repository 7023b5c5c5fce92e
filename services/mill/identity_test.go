package mill_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity/oidc"
	"github.com/millrace/millrace/services/mill"
)

// startGuarded runs a mill with a door until the test ends.
func startGuarded(t *testing.T, c mill.Config) *mill.Mill {
	t.Helper()
	c.Durability = mill.DurabilityRelaxed
	if c.Roles == nil {
		c.Roles = []string{mill.RoleGateway, mill.RoleConductor}
	}
	m, err := mill.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	select {
	case <-m.Ready():
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	return m
}

// certify writes a certificate with a number, and its key.
func certify(t *testing.T, dir string, number int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "mill.crt"), filepath.Join(dir, "mill.key")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		// A file that was written within the same tick is new all the same.
		at := time.Now().Add(time.Duration(number) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestADoorForOthers listens off loopback with keys and TLS, and replaces the
// certificate while it runs.
func TestADoorForOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certify(t, dir, 1)
	m := startGuarded(t, mill.Config{
		DataDir: filepath.Join(dir, "data"), HTTPAddr: "0.0.0.0:0", Auth: mill.AuthKeys, TLSCert: cert, TLSKey: key,
	})
	if !strings.HasPrefix(m.HTTPURL(), "https://") {
		t.Errorf("address %s", m.HTTPURL())
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(m.HTTPURL(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(m.FirstKey())
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // its own certificate
	defer web.CloseIdleConnections()
	for token, code := range map[string]fault.Code{strings.TrimSpace(string(data)): "", "": fault.AuthRequired, "x": fault.AuthInvalid} {
		c, err := client.New(client.Config{Server: "https://127.0.0.1:" + port, Token: token, HTTPClient: web})
		if err != nil {
			t.Fatal(err)
		}
		who, err := c.Whoami(t.Context())
		if code != "" && !fault.Has(err, code) || code == "" && (err != nil || who.By != "key:first/first") {
			t.Errorf("%+v %v", who, err)
		}
	}

	serial := func() int64 {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // as above
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	certify(t, dir, 2)
	for deadline := time.Now().Add(time.Minute); serial() != 2; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the certificate is not loaded again")
		}
	}
	// One that is damaged is not.
	if err := os.WriteFile(cert, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 2 {
		t.Errorf("certificate %d", n)
	}
}

// TestTheLocalKey starts a mill twice with the key of its owner, and once when others
// could read it.
func TestTheLocalKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, mill.LocalKeyFile)
	start := func(name string) string {
		var key string
		t.Run(name, func(t *testing.T) {
			m := startGuarded(t, mill.Config{DataDir: dir, HTTPAddr: "127.0.0.1:0", Auth: mill.AuthKeys, MakeLocalKey: true})
			data, err := os.ReadFile(path)
			if err != nil || m.FirstKey() != "" {
				t.Fatalf("%v %q", err, m.FirstKey())
			}
			key = strings.TrimSpace(string(data))
			c, err := client.New(client.Config{Server: m.HTTPURL(), Token: key})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if who, err := c.Whoami(t.Context()); err != nil || who.By != "local" || !who.AnyTenant {
				t.Errorf("%+v %v", who, err)
			}
		})
		return key
	}
	first := start("new")
	if again := start("again"); again != first {
		t.Error("the key is another one after a restart")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if again := start("seen by others"); again == first {
		t.Error("a key that others could read is still used")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestUnsafeDoors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config mill.Config
		code   fault.Code
	}{
		"open to all":          {mill.Config{HTTPAddr: "0.0.0.0:0"}, fault.MillUnsafeAddress},
		"open by name":         {mill.Config{HTTPAddr: "mill.example:0"}, fault.MillUnsafeAddress},
		"open by IPv6":         {mill.Config{HTTPAddr: "[::]:0"}, fault.MillUnsafeAddress},
		"no TLS":               {mill.Config{HTTPAddr: "10.0.0.1:0", Auth: mill.AuthKeys}, fault.MillUnsafeAddress},
		"TLS, no identity":     {mill.Config{HTTPAddr: "10.0.0.1:0", TLSCert: "c", TLSKey: "k"}, fault.MillUnsafeAddress},
		"broker open to all":   {mill.Config{NATSListen: "0.0.0.0:0"}, fault.MillUnsafeAddress},
		"broker without TLS":   {mill.Config{NATSListen: "10.0.0.1:0", InsecureNoAuth: true}, fault.MillUnsafeAddress},
		"metrics for all":      {mill.Config{MetricsAddr: "0.0.0.0:0"}, fault.MillUnsafeAddress},
		"keys are for HTTP":    {mill.Config{MetricsAddr: "10.0.0.1:0", Auth: mill.AuthKeys, TLSCert: "c", TLSKey: "k"}, fault.MillUnsafeAddress},
		"watched from outside": {mill.Config{MetricsAddr: "10.0.0.1:0", InsecureNoAuth: true, InsecureNoTLS: true}, ""},
		"half of a pair":       {mill.Config{TLSCert: "c"}, fault.MillBadConfig},
		"no such mode":         {mill.Config{Auth: "some"}, fault.MillBadConfig},
		"tokens for nothing":   {mill.Config{OIDC: &oidc.Config{}}, fault.MillBadConfig},
		"said plainly":         {mill.Config{HTTPAddr: "0.0.0.0:0", InsecureNoAuth: true, InsecureNoTLS: true}, ""},
		"behind a proxy":       {mill.Config{HTTPAddr: "0.0.0.0:0", Auth: mill.AuthKeys, InsecureNoTLS: true}, ""},
		"as it should be":      {mill.Config{HTTPAddr: "0.0.0.0:0", Auth: mill.AuthKeys, TLSCert: "c", TLSKey: "k"}, ""},
		"loopback":             {mill.Config{HTTPAddr: "localhost:0"}, ""},
		"loopback by number":   {mill.Config{HTTPAddr: "127.9.0.1:0"}, ""},
		"loopback by IPv6":     {mill.Config{HTTPAddr: "[::1]:0"}, ""},
		"without a door":       {mill.Config{}, ""},
		"loopback in disguise": {mill.Config{HTTPAddr: "127.0.0.1.example.com:0"}, fault.MillUnsafeAddress},
	} {
		c.config.DataDir = t.TempDir()
		if _, err := mill.New(c.config); c.code == "" && err != nil || c.code != "" && !fault.Has(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
