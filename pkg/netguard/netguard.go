// Package netguard is what stages reach other machines through: a transport for
// HTTP that dials no private address, whatever a name resolves to or an address
// redirects to, and what such stages read out of errors and answers; and what doors of
// this machine are known by.
package netguard

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// dialTimeout is how long a connection may take to be there, and again how long
// it may take to be secured.
const dialTimeout = 10 * time.Second

// Options say where a transport may lead. The zero value lets it reach public
// addresses, with the certificates that the system trusts.
type Options struct {
	// Allow is asked about every address that is about to be dialled. It may be
	// asked by several goroutines at once. Nil means [Public].
	Allow func(netip.Addr) bool
	// RootCAs are who may vouch for https hosts. Nil means the system's.
	RootCAs *x509.CertPool
	// HeaderTimeout is how long the header of an answer may take. Zero means no
	// limit but that of the request.
	HeaderTimeout time.Duration
}

// Everywhere is an Allow that refuses no address.
func Everywhere(netip.Addr) bool { return true }

// Transport returns a transport that asks Allow whenever it dials, so that no
// name, redirect or second look-up gets around it. A refused address is the fault
// net.private_address. It uses no proxy, which would dial for it, and
// decompresses nothing. Whoever asked for it ends its idle connections.
func Transport(o Options) *http.Transport {
	allow := o.Allow
	if allow == nil {
		allow = Public
	}
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: guard(allow)}
	return &http.Transport{
		DialContext: d.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSClientConfig:     &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: o.HeaderTimeout,
		MaxIdleConns: 64, MaxIdleConnsPerHost: 4, IdleConnTimeout: 60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// guard is asked with the address that is about to be dialled.
func guard(allow func(netip.Addr) bool) func(string, string, syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil || !allow(ap.Addr()) {
			return fault.New(fault.NetPrivateAddress, "", nil)
		}
		return nil
	}
}

// closed are networks that are not private by name and still lead nowhere, or
// back to here (RFC 6890, RFC 6052, RFC 3056).
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// Public reports whether an address belongs to the open Internet.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
