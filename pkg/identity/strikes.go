package identity

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Limits on credentials that are not valid.
const (
	// strikeBuckets is how many counts are kept. Addresses share one by chance.
	strikeBuckets = 4096
	// strikesAtOnce is how many failures an address has at a time, and strikeEvery
	// how often it gets another.
	strikesAtOnce = 20
	strikeEvery   = 3 * time.Second
)

// Strikes counts requests with credentials that are not valid, by the address that
// they come from, in memory that does not grow. It keeps nobody out who has valid
// ones: behind one address there may be many, and 256 bits are not guessed. What it
// keeps down is the work and the log that a wrong key in a loop makes. The zero value
// is ready, and safe for concurrent use.
type Strikes struct {
	once sync.Once
	seed maphash.Seed
	mu   sync.Mutex
	full [strikeBuckets]time.Time // when each has all of its strikes again
}

// Note counts a failure. It returns 0 while the address has failures left, and how
// long it must wait for another when it has none.
func (s *Strikes) Note(from netip.Addr, now time.Time) time.Duration {
	s.once.Do(func() { s.seed = maphash.MakeSeed() })
	if from = from.Unmap(); from.Is6() {
		// Whoever has one address of a network has all of them.
		if p, err := from.WithZone("").Prefix(64); err == nil {
			from = p.Addr()
		}
	}
	n := maphash.Comparable(s.seed, from) % strikeBuckets
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.full[n]
	if full.Before(now) {
		full = now
	}
	if full = full.Add(strikeEvery); full.Sub(now) > strikesAtOnce*strikeEvery {
		return full.Sub(now) - strikesAtOnce*strikeEvery
	}
	s.full[n] = full
	return 0
}
