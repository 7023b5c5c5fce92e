package mill

import (
	"os"
	"runtime"
	"testing"
)

// TestProcs: a mill that runs has more of them than cores, unless the operator says
// otherwise.
func TestProcs(t *testing.T) {
	t.Parallel()
	if got := procs(2, ""); got != 2+storers {
		t.Errorf("%d of 2, want %d", got, 2+storers)
	}
	if got := procs(3, "3"); got != 3 {
		t.Errorf("%d of 3 that are wanted", got)
	}
	useProcs()
	once := runtime.GOMAXPROCS(0)
	useProcs()
	if got := runtime.GOMAXPROCS(0); got != once || os.Getenv("GOMAXPROCS") == "" && got <= storers {
		t.Errorf("GOMAXPROCS is %d, and %d after the next mill", once, got)
	}
}
