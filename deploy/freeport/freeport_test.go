package freeport

import (
	"net"
	"testing"
)

// TestTake wants ports that are free, no two alike, and outside what the system gives.
func TestTake(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 100 {
		port, err := Take()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < lowest || port >= 32768 {
			t.Errorf("port %d", port)
		}
		seen[port] = true
	}
	addr, err := Address()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
}

// TestTakenPortsArePassedOver listens at the ports that would come next.
func TestTakenPortsArePassedOver(t *testing.T) {
	before, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if l, err := net.Listen("tcp", address(before+1+i)); err == nil {
			defer l.Close()
		}
	}
	after, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("tcp", address(after)); err != nil {
		t.Errorf("port %d after %d: %v", after, before, err)
	} else {
		defer l.Close()
	}
}
