package mill_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

// gate lets an upload through up to a place, and the rest once it is opened.
type gate struct {
	place   int64
	reached chan struct{} // closed when somebody waits
	open    chan struct{}

	mu      sync.Mutex
	offsets []int64 // of the pieces that were let through
	once    sync.Once
}

func (g *gate) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			offset, _ := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64) // 0 for rubbish
			if offset >= g.place {
				g.once.Do(func() { close(g.reached) })
				select {
				case <-g.open:
				case <-r.Context().Done():
					return
				}
			}
			g.mu.Lock()
			g.offsets = append(g.offsets, offset)
			g.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// TestDashboardUploadGoesOn pauses an upload, loads the page again, and drops the file
// again: it goes on where it was, and becomes one job.
func TestDashboardUploadGoesOn(t *testing.T) {
	t.Parallel()
	const piece = 8 << 20
	g := &gate{place: 2 * piece, reached: make(chan struct{}), open: make(chan struct{})}
	d := newDashboard(t, g.wrap)
	d.apply("good", "    - id: fetch\n      uses: fetch@1\n")
	const file = "new File([new Uint8Array(3 * (8 << 20) + 5).fill(7)], 'large.bin', { lastModified: 1 })"
	d.begin(file, "good")
	<-g.reached
	// While it goes on the browser asks whether the page may be left.
	browsertest.Eval[bool](d.Page, "([...document.querySelectorAll('.tray button')].find((b) => b.innerText === 'Pause').click(), true)")
	d.Until("document.querySelector('.tray [data-upload=stopped]')")
	d.Reload()
	d.Until("document.querySelector('.head .button.primary')")
	before := len(g.sent())
	close(g.open)
	d.begin(file, "good")
	d.Until("document.querySelector('.tray [data-upload=done]')")
	job := browsertest.Eval[string](d.Page, "document.querySelector('.tray [data-upload=done]').dataset.job")
	j := d.final(job)
	if len(j.Files) != 1 || j.Files[0].Size != 3*piece+5 {
		t.Errorf("the job is about %+v", j.Files)
	}
	for _, offset := range g.sent()[before:] {
		if offset < 2*piece {
			t.Errorf("after the page was loaded again it sent what is at %d", offset)
		}
	}
	if kept := browsertest.Eval[string](d.Page, "localStorage.getItem('millrace.uploads') ?? '[]'"); kept != "[]" {
		t.Errorf("the browser still keeps %s", kept)
	}
	d.quiet()
}

// sent returns the offsets of the pieces so far.
func (g *gate) sent() []int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]int64(nil), g.offsets...)
}
