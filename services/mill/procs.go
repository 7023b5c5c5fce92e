package mill

import (
	"os"
	"runtime"
	"sync"
)

// storers is how many goroutines of a mill may be inside of a synced write at once without
// another one having to wait for a core: about one per stream, and those that make artifacts.
const storers = 6

// useProcs lets the process run more goroutines at once than it has cores. The scheduler
// of Go counts one that waits in a system call for the disk as running until it has
// noticed, and a mill syncs whatever it is told: with a core or two, everything else would
// stand in line for tens of milliseconds while cores are idle. One time is enough for all
// mills of a process.
var useProcs = sync.OnceFunc(func() {
	runtime.GOMAXPROCS(procs(runtime.GOMAXPROCS(0), os.Getenv("GOMAXPROCS")))
})

// procs is the GOMAXPROCS of a mill, from what it is, which regards the limits of a
// container, and what the operator wants it to be.
func procs(now int, wanted string) int {
	if wanted != "" {
		return now
	}
	return now + storers
}
