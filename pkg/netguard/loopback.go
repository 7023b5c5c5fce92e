package netguard

import (
	"net"
	"net/netip"
	"strings"
)

// Loopback reports whether a host, with or without a port, is this machine and nothing
// else: localhost, or an address of loopback. A name that merely resolves to one is not.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
