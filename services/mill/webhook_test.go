package mill_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

// shop takes webhooks when it is open.
type shop struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	open   bool
	told   map[string][]uint64 // revisions by job
	bad    []error
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	var n events.Notification
	hook, bad := standardwebhooks.NewWebhook(s.secret)
	if bad == nil {
		bad = hook.Verify(body, r.Header)
	}
	if bad == nil {
		bad = json.Unmarshal(body, &n)
	}
	if err != nil || bad != nil {
		s.bad = append(s.bad, err, bad)
	}
	if !s.open {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if !slices.Contains(s.told[n.Data.Job], n.Data.Revision) {
		s.told[n.Data.Job] = append(s.told[n.Data.Job], n.Data.Revision)
	}
}

// TestWebhooks tells a receiver of every record of each job, in order, though it was
// closed when they happened and the mill was stopped meanwhile.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	s := &shop{told: map[string][]uint64{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	w := newWorld(t, func(c *mill.Config) { c.AllowPrivateNetworks, c.HTTPAddr = true, "127.0.0.1:0" })
	w.apply("two", `
    - { id: one, uses: hash@1 }
    - { id: two, uses: hash@1, needs: [one] }`)
	c, err := client.New(client.Config{Server: w.mill.HTTPURL()})
	if err != nil {
		t.Fatal(err)
	}
	hook, err := c.CreateWebhook(t.Context(), api.WebhookRequest{URL: s.URL, Types: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.secret = hook.Secret
	s.mu.Unlock()
	revisions := map[string]uint64{}
	for _, key := range []string{"a", "b", "c"} {
		job := w.accepted("two", inline(key, key))
		w.final(job)
		rec, err := w.last(job)
		if err != nil {
			t.Fatal(err)
		}
		revisions[job] = rec.Revision
	}
	w.stop()
	s.mu.Lock()
	s.open = true
	s.mu.Unlock()
	w.start()
	for range 6000 {
		s.mu.Lock()
		all := true
		for job, last := range revisions {
			all = all && uint64(len(s.told[job])) == last
		}
		s.mu.Unlock()
		if all {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for job, last := range revisions {
		if got := s.told[job]; uint64(len(got)) != last || !slices.IsSorted(got) {
			t.Errorf("job %s: told of %v, want 1 to %d", job, got, last)
		}
	}
	if len(s.bad) > 0 {
		t.Errorf("%v", s.bad)
	}
}
