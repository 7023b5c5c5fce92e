// Package freeport finds ports for servers that tests and proofs start, stop and start
// again at the same address.
package freeport

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// The range lies below the ports that systems give to those who ask for any port and to
// outgoing connections (Linux: from 32768, others: from 49152, RFC 6335). One of those
// could be taken by anybody while its server is down.
const (
	lowest = 15000
	count  = 17000
)

// stride keeps processes apart that start one after the other and take some ports each.
const stride = 97

// taken is how many ports this process has asked for.
var taken atomic.Uint32

// Take returns a port of this machine that nobody listens at now. The system gives it to
// nobody else, and Take not again until it has been through thousands of others.
func Take() (int, error) {
	for range count {
		port := lowest + int((stride*uint32(os.Getpid())+taken.Add(1))%count)
		l, err := net.Listen("tcp", address(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("all ports from 15000 to 31999 are taken")
}

// Address is Take as an address of this machine, host:port.
func Address() (string, error) {
	port, err := Take()
	return address(port), err
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
