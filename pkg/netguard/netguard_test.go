package netguard_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "100.63.255.255": true, "100.128.0.0": true, "172.32.0.1": true,
		"2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.0": false, "100.127.255.255": false,
		"127.0.0.1": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.1": false, "192.0.2.1": false, "192.168.0.1": false, "198.18.0.1": false, "224.0.0.1": false,
		"239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::a00:1": false, "2001:db8::1": false, "2002:a00:1::": false, "fc00::1": false, "fd12::1": false,
		"fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "100::1": false,
	} {
		if got := netguard.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// get makes one request, without following redirects.
func get(t *testing.T, o netguard.Options, address string) (*http.Response, error) {
	t.Helper()
	tr := netguard.Transport(o)
	t.Cleanup(tr.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func TestPrivateAddress(t *testing.T) {
	t.Parallel()
	asked := false
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	_, err := get(t, netguard.Options{}, srv.URL)
	srv.Close()
	if !fault.Has(err, fault.NetPrivateAddress) || asked {
		t.Errorf("got %v, asked %v", err, asked)
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(srv.Close)
	var asked []netip.Addr
	resp, err := get(t, netguard.Options{Allow: func(a netip.Addr) bool {
		asked = append(asked, a)
		return netguard.Everywhere(a)
	}}, srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if string(text) != "hello" || err != nil || len(asked) != 1 || asked[0] != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("%q, %v, asked about %v", text, err, asked)
	}
}

func TestUntrusted(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	if _, err := get(t, netguard.Options{Allow: netguard.Everywhere}, srv.URL); !netguard.Untrusted(err) {
		t.Errorf("got %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	if _, err := get(t, netguard.Options{Allow: netguard.Everywhere, RootCAs: pool}, srv.URL); err != nil {
		t.Error(err)
	}
	if netguard.Untrusted(&net.OpError{Op: "dial", Err: errors.New("refused")}) {
		t.Error("a refused connection is untrusted")
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, " 7 ": 7 * time.Second, "": 0, "-5": 0, "soon": 0,
		"99999999999999999":             netguard.MaxRetryAfter,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"Fri, 31 Dec 9999 23:59:59 GMT": netguard.MaxRetryAfter,
		"Fri, 31 Dec 1999 23:59:59 GMT": 0,
	} {
		if got := netguard.RetryAfter(value, now); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "LocalHost:80", "127.0.0.1", "127.9.0.1:7420", "[::1]:1", "[::1]", "::1", "[::ffff:127.0.0.1]:1"} {
		if !netguard.Loopback(host) {
			t.Errorf("%s is this machine", host)
		}
	}
	for _, host := range []string{
		"", ":80", "0.0.0.0:80", "[::]:80", "localhost.example:80", "127.0.0.1.example.com", "example.com:127", "10.0.0.1", "1", "127.1",
	} {
		if netguard.Loopback(host) {
			t.Errorf("%s is not this machine alone", host)
		}
	}
}
