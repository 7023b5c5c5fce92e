package mill_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/mill"
)

// TestOneKeyOnEveryDoor submits the same content under the same key through every
// door at once and wants one job; then other content, and wants to be refused.
func TestOneKeyOnEveryDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { c.HTTPAddr = "127.0.0.1:0" })
	w.apply("docs", "    - id: h\n      uses: hash@1\n")
	doors := map[string]func(key, content string) string{
		"raw": func(key, content string) string {
			r, p := w.submit("docs", inline(key, content))
			if p != nil {
				return p.Code + " " + p.Job
			}
			return r.Job
		},
		"json": func(key, content string) string {
			s, err := json.Marshal(map[string]any{"pipeline": "docs", "key": key, "params": map[string]any{}, "files": inline(key, content).Files})
			if err != nil {
				t.Error(err)
			}
			return w.post("/v1/jobs", "application/json", "", string(s))
		},
		"upload": func(key, content string) string {
			return w.post("/v1/jobs?pipeline=docs&name=a.txt", "text/plain", key, content)
		},
	}
	var mu sync.Mutex
	jobs := map[string]int{}
	var all sync.WaitGroup
	for range 5 {
		for _, door := range doors {
			all.Go(func() {
				job := door("k", "content")
				mu.Lock()
				defer mu.Unlock()
				jobs[job]++
			})
		}
	}
	all.Wait()
	first := events.JobID(events.DefaultTenant, "k")
	if len(jobs) != 1 || jobs[first] != 15 {
		t.Errorf("one key made %v, want 15 times %s", jobs, first)
	}
	for name, door := range doors {
		if got := door("k", "other content"); got != "submit.key_reused "+first {
			t.Errorf("%s: other content under the key: %s", name, got)
		}
	}
	if j := w.final(first); j.State != events.JobCompleted {
		t.Errorf("the job ended as %s", j.State)
	}
}

// post sends a request to the gateway and returns the job, or the code of the
// problem and the job that it names.
func (w *world) post(path, contentType, key, body string) string {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.mill.HTTPURL()+path, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", contentType)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var a struct{ Job, Code, Detail string }
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return err.Error()
	}
	if a.Code != "" {
		return a.Code + " " + a.Job
	}
	return a.Job
}
