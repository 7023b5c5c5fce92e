package term

import "sync"

// deaths are what gives a terminal back when the process ends at once.
var deaths struct {
	sync.Mutex
	last func()
}

// OnDeath has f called by [Die], until the function that it returns is called.
func OnDeath(f func()) (undo func()) {
	deaths.Lock()
	defer deaths.Unlock()
	deaths.last = f
	return func() {
		deaths.Lock()
		defer deaths.Unlock()
		deaths.last = nil
	}
}

// Die gives the terminal back before the process ends at once.
func Die() {
	deaths.Lock()
	defer deaths.Unlock()
	if deaths.last != nil {
		deaths.last()
	}
}
