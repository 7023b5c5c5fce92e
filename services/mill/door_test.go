package mill_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/mill"
)

// TestRawDoor uses the mill with a plain NATS client and nothing else: subjects
// and payloads are spelled out here as the documentation spells them.
func TestRawDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	w.apply("docs", `
    - id: wait
      uses: simulate@1
      with: { delay: 1200ms }
    - id: hash
      uses: hash@1
    - id: publish
      uses: publish@1
`)
	nc := plain(t, w)
	seen := make(chan *nats.Msg, 100)
	for _, s := range []string{"millrace.events.default.docs.*.*", "millrace.progress.default.*.*"} {
		if _, err := nc.ChanSubscribe(s, seen); err != nil {
			t.Fatal(err)
		}
	}
	body := `{"files":[{"inline":"aGVsbG8=","name":"hello.txt"}],"params":{},"labels":{"team":"docs"}}`
	first := ask(t, nc, "docs", "invoice-7", body)
	if first["duplicate"] != false || first["state"] != "accepted" || first["job"] == "" {
		t.Errorf("receipt %v", first)
	}
	types := map[string]bool{}
	for state := ""; state != "completed"; {
		select {
		case m := <-seen:
			if strings.HasPrefix(m.Subject, "millrace.progress.") {
				continue
			}
			types[m.Header.Get("ce-type")] = true
			state = readEvent(t, m, first["job"].(string))
		case <-time.After(30 * time.Second):
			t.Fatalf("no further event after %v", types)
		}
	}
	for _, want := range []string{"job.accepted", "step.succeeded", "job.completed"} {
		if !types["dev.millrace."+want+".v1"] {
			t.Errorf("no event of type %s among %v", want, types)
		}
	}
	time.Sleep(200 * time.Millisecond) // past the intake's duplicate window
	again := ask(t, nc, "docs", "invoice-7", body)
	if again["duplicate"] != true || again["job"] != first["job"] || again["outcome"] == nil {
		t.Errorf("repeated receipt %v", again)
	}
	other := ask(t, nc, "docs", "invoice-7/other",
		`{"key":"invoice-7","files":[{"inline":"eA==","name":"other.txt"}]}`)
	if other["code"] != "submit.key_reused" || other["job"] != first["job"] ||
		!strings.Contains(other["detail"].(string), "hello.txt") {
		t.Errorf("other content under the same key: %v", other)
	}
}

// readEvent reads an event as any client would and returns the job's state.
func readEvent(t *testing.T, m *nats.Msg, job string) string {
	t.Helper()
	var e struct {
		Revision int
		Job      struct {
			ID    string
			State string
			Steps map[string]struct {
				State   string
				Attempt int
			}
		}
	}
	if err := json.Unmarshal(m.Data, &e); err != nil {
		t.Fatal(err)
	}
	if e.Job.ID != job || e.Revision < 1 || len(e.Job.Steps) != 3 {
		t.Errorf("event %s", m.Data)
	}
	for _, h := range []string{"Nats-Msg-Id", "ce-id", "ce-source", "ce-specversion", "ce-time", "ce-dataschema"} {
		if len(m.Header.Values(h)) != 1 {
			t.Errorf("header %s: %v", h, m.Header.Values(h))
		}
	}
	return e.Job.State
}

// ask submits a job and returns what came back on the reply subject.
func ask(t *testing.T, nc *nats.Conn, pipeline, id, body string) map[string]any {
	t.Helper()
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishMsg(&nats.Msg{
		Subject: "millrace.submit.default." + pipeline, Data: []byte(body),
		Header: nats.Header{"Nats-Msg-Id": {id}, "Millrace-Reply-To": {inbox}},
	}); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsg(30 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(m.Data, &out); err != nil {
		t.Fatalf("answer %q: %v", m.Data, err)
	}
	return out
}

// TestRefusals submits what can be known to be wrong at once.
func TestRefusals(t *testing.T) {
	t.Parallel()
	allowed := t.TempDir()
	if err := os.WriteFile(filepath.Join(allowed, "in.txt"), []byte("in"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *mill.Config) { c.AllowPaths = []string{allowed} })
	w.apply("plain", "    - id: h\n      uses: hash@1\n")
	w.apply("fetching", "    - id: f\n      uses: fetch@1\n")
	digest := "sha256:" + strings.Repeat("0", 64)
	file := func(format string, args ...any) string {
		return `{"files":[` + fmt.Sprintf(format, args...) + `]}`
	}
	for name, c := range map[string]struct{ pipeline, body, code string }{
		"no files":          {"plain", `{"files":[]}`, "submit.no_files"},
		"unknown field":     {"plain", `{"files":[{"inline":"eA==","name":"x"}],"colour":1}`, "submit.invalid"},
		"unknown pipeline":  {"nope", file(`{"inline":"eA==","name":"x"}`), "pipeline.not_found"},
		"unknown artifact":  {"plain", file(`{"digest":%q}`, digest), "submit.unknown_artifact"},
		"url without fetch": {"plain", file(`{"url":"https://example.com/x"}`), "submit.needs_fetch"},
		"two sources":       {"plain", file(`{"inline":"eA==","digest":%q}`, digest), "submit."},
		"path up":           {"plain", file(`{"inline":"eA==","name":"../../etc/passwd"}`), "submit.bad_name"},
		"newline":           {"plain", file(`{"inline":"eA==","name":"a\nb"}`), "submit."},
		"4 KiB name":        {"plain", file(`{"inline":"eA==","name":%q}`, strings.Repeat("x", 4096)), "submit."},
		"same name twice":   {"plain", file(`{"inline":"eA==","name":"x"},{"inline":"eQ==","name":"x"}`), "submit.bad_name"},
		"ftp":               {"fetching", file(`{"url":"ftp://example.com/x"}`), "submit."},
		"outside path":      {"fetching", file(`{"url":"file:///etc/passwd"}`), "submit.path_not_allowed"},
		"climbing path":     {"fetching", file(`{"url":"file://%s/../../etc/passwd"}`, allowed), "submit.path_not_allowed"},
	} {
		_, p := w.submitRaw(c.pipeline, []byte(c.body))
		if p == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if !strings.HasPrefix(p.Code, c.code) || p.Hint == "" || p.Status < 400 || p.Title == "" {
			t.Errorf("%s: %+v, want code %s with a hint", name, *p, c.code)
		}
	}
	job := w.accepted("fetching", events.Submission{Files: []events.Source{{URL: "file://" + allowed + "/in.txt"}}})
	if j := w.final(job); j.State != events.JobCompleted || len(j.Steps["f"].Files) != 1 {
		t.Errorf("an allowed file ended as %s: %+v", j.State, j.Fault)
	}
}
