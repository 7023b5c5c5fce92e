package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/webhook"
	"github.com/millrace/millrace/schemas"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		types []string
		event string
		want  bool
	}{
		{nil, "job.completed", true},
		{nil, "step.succeeded", false},
		{[]string{"job.completed"}, "job.completed", true},
		{[]string{"job.completed"}, "job.failed", false},
		{[]string{"undo.*", "step.*"}, "step.failed", true},
		{[]string{"*"}, "undo.failed", true},
		{[]string{"job.*"}, "", false},
	} {
		if got := (webhook.Filter{Types: c.types}).Wants(c.event); got != c.want {
			t.Errorf("%q of %q: %v", c.types, c.event, got)
		}
	}
	header := map[string]string{events.HeaderCEType: events.CEType("job.attention"), events.HeaderCause: "undo.failed"}
	for of, want := range map[string]bool{"undo.failed": true, "undo.*": true, "job.attention": true, "step.*": false} {
		if got := (webhook.Filter{Types: []string{of}}).WantsRecord(header); got != want {
			t.Errorf("%q of an undo that failed: %v", of, got)
		}
	}
	f := webhook.Filter{Pipelines: []string{"b", "a", "b"}}
	want := []string{"millrace.events.t.a.*.*", "millrace.events.t.b.*.*"}
	if diff := cmp.Diff(want, f.Subjects("t")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"millrace.events.t.*.*.*"}, webhook.Filter{}.Subjects("t")); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for pointer, s := range map[string]webhook.Settings{
		"":             {URL: "https://example.com/hook?x=1", Filter: webhook.Filter{Types: []string{"*", "job.*", "step.failed"}, Pipelines: []string{"a"}}},
		"/url":         {URL: "https://10.0.0.1/"},
		"/types/1":     {URL: "https://example.com", Filter: webhook.Filter{Types: []string{"job.*", "job.finished"}}},
		"/types/0":     {URL: "https://example.com", Filter: webhook.Filter{Types: []string{"jobs.*"}}},
		"/pipelines/0": {URL: "https://example.com", Filter: webhook.Filter{Pipelines: []string{"a.*"}}},
		"/description": {URL: "https://example.com", Description: strings.Repeat("x", 300)},
		"/types":       {URL: "https://example.com", Filter: webhook.Filter{Types: strings.Split(strings.Repeat("*,", 50)+"*", ",")}},
	} {
		list := s.Check(netguard.Public)
		if pointer == "" && list == nil {
			continue
		}
		if len(list) != 1 || list[0].Pointer != pointer || list[0].Code != string(fault.WebhookInvalid) {
			t.Errorf("%q: %+v", pointer, list)
		}
	}
}

// TestNotification tells what happened, keeps secrets to itself, stays small, and is as
// its schema says.
func TestNotification(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	digest := "sha256:" + strings.Repeat("a", 64)
	job := events.Job{
		ID: "job", Tenant: "default", State: events.JobCompleted, AcceptedAt: at, FinishedAt: at,
		Pipeline: events.PipelineRef{Name: "pack", Digest: digest}, Params: json.RawMessage(`{"password":"hunter2"}`),
		Files:   []events.Source{{URL: "https://example.com/a?token=hunter2"}},
		Steps:   map[string]events.Step{"pack": {State: events.StepSucceeded, Attempt: 2}, "more": {State: events.StepQueued}},
		Outputs: map[string][]events.File{},
	}
	for i := range 30 {
		name := fmt.Sprintf("out-%02d", i)
		job.Outputs[name] = []events.File{{Name: "a", Digest: digest, Size: 1}, {Name: "b", Digest: digest, Size: 2}}
	}
	n := webhook.Notify(&events.Record{Type: "job.completed", Revision: 7, Time: at, Step: "pack", Attempt: 2, Job: job})
	body, err := webhook.Body(n)
	if err != nil {
		t.Fatal(err)
	}
	if list := schemas.Validate("notification", body); list != nil {
		t.Errorf("%+v", list)
	}
	if strings.Contains(string(body), "hunter2") || len(body) > 20_000 {
		t.Errorf("%d bytes: %s", len(body), body)
	}
	files := 0
	for _, list := range n.Data.Outputs {
		files += len(list)
	}
	got := []any{n.ID, n.Type, n.Data.Step.Attempt, n.Data.StepsDone, n.Data.Steps, files, n.Data.OutputsClipped}
	if diff := cmp.Diff([]any{"default/job/7", "dev.millrace.job.completed.v1", 2, 1, 2, 50, true}, got); diff != "" {
		t.Error(diff)
	}
	a, b := webhook.MessageID(n.ID, "one"), webhook.MessageID(n.ID, "two")
	if a == b || a != webhook.MessageID("default/job/7", "one") || !strings.HasPrefix(a, "msg_") || strings.Contains(a, ".") {
		t.Errorf("ids %s and %s", a, b)
	}
	test, err := webhook.Body(webhook.Test("default", "x", at))
	if err != nil {
		t.Fatal(err)
	}
	if list := schemas.Validate("notification", test); list != nil {
		t.Errorf("a test: %+v", list)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := webhook.Policy{}.WithDefaults()
	const most = ^uint64(0)
	for n, want := range map[int]time.Duration{
		1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 11: time.Hour, 1000: time.Hour,
	} {
		if got := p.Wait(n, 0, most); got > want || got < want-time.Millisecond {
			t.Errorf("after %d failures: up to %v, want %v", n, got, want)
		}
		if got := p.Wait(n, 0, 0); got != 0 {
			t.Errorf("after %d failures: from %v", n, got)
		}
		if got := p.Wait(n, 2*time.Hour, most/2); got != 2*time.Hour {
			t.Errorf("asked for two hours: %v", got)
		}
	}
	at := time.Now()
	if p.Over(at, at.Add(72*time.Hour-1)) || !p.Over(at, at.Add(72*time.Hour)) {
		t.Error("an event is not given up after three days")
	}
	for status, want := range map[int]fault.Code{
		200: "", 202: "", 299: "", 301: fault.WebhookRefused, 307: fault.WebhookRefused, 400: fault.WebhookRefused,
		410: fault.WebhookGone, 429: fault.WebhookRateLimited, 500: fault.WebhookRefused, 502: fault.WebhookUnavailable,
		503: fault.WebhookUnavailable, 504: fault.WebhookUnavailable, 100: fault.WebhookRefused,
	} {
		err := webhook.Judge(status, time.Minute)
		if want == "" && err == nil {
			continue
		}
		if !fault.Has(err, want) || fault.From(err).RetryAfter != time.Minute {
			t.Errorf("%d: %v", status, err)
		}
	}
}
