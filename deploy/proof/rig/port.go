package rig

import "net"

// FreeAddr returns an address of this machine, as host:port, that nobody listens at
// in this moment.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
