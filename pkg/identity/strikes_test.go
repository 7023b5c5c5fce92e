package identity_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/identity"
)

func TestStrikes(t *testing.T) {
	t.Parallel()
	var s identity.Strikes
	now := time.Now()
	one, next := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	for i := range 20 {
		if wait := s.Note(one, now); wait != 0 {
			t.Fatalf("strike %d waits %s", i, wait)
		}
	}
	// The whole network is one.
	wait := s.Note(next, now)
	if wait <= 0 || wait > 3*time.Second {
		t.Errorf("wait %s", wait)
	}
	// Counting what is refused anyway makes nobody wait longer.
	for range 100 {
		if again := s.Note(one, now); again != wait {
			t.Errorf("wait %s, then %s", wait, again)
		}
	}
	if wait := s.Note(one, now.Add(wait)); wait != 0 {
		t.Errorf("later still %s", wait)
	}
	if wait := s.Note(netip.Addr{}, now); wait != 0 {
		t.Errorf("no address: %s", wait)
	}
}
