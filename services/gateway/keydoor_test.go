package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestKeyOnEveryDoor submits the same file under one key through every door of the
// gateway, while its job is in progress and when it has ended; then other content.
func TestKeyOnEveryDoor(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	key := []string{"Idempotency-Key", `"order 7"`}
	doors := map[string]func(content string) answer{
		"body": func(content string) answer {
			return ask(t, "POST", w.URL+"/v1/jobs?pipeline=keep&name=a", strings.NewReader(content), key...)
		},
		"form": func(content string) answer {
			body, contentType := form(t, "@a", content, "pipeline", "keep")
			return ask(t, "POST", w.URL+"/v1/jobs", body, append(key, "Content-Type", contentType)...)
		},
		"json": func(content string) answer {
			body := fmt.Sprintf(`{"pipeline":"keep","files":[{"name":"a","size":%d,"digest":%q}]}`,
				len(content), digestOf([]byte(content)))
			return ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(body), append(key, "Content-Type", events.ContentTypeJSON)...)
		},
	}
	var first events.Receipt
	doors["body"]("hello").into(t, http.StatusAccepted, &first)
	for _, state := range []events.JobState{events.JobAccepted, events.JobCompleted} {
		for name, door := range doors {
			var again events.Receipt
			a := door("hello")
			a.into(t, http.StatusOK, &again)
			same(t, name+": the first job", []any{again.Job, again.State, again.Duplicate}, []any{first.Job, state, true})
			same(t, name+": marked", a.Header.Get("Idempotency-Replayed"), "true")
			same(t, name+": the key", a.Header.Get("Idempotency-Key"), "order 7")
			same(t, name+": the place", a.Header.Get("Location"), "/v1/jobs/"+first.Job)
		}
		w.Conductor.Outcome(first.Job, nil)
	}
	doors["body"]("other") // the JSON names it by digest
	for name, door := range doors {
		p := door("other").problem(t, http.StatusUnprocessableEntity, "submit.key_reused")
		same(t, name+": whose key it is", p.Job, first.Job)
	}
}

// TestKeyOfResumableUpload states the key in the header, and in two places at odds.
func TestKeyOfResumableUpload(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	begins := func(meta string, key ...string) answer {
		return tus(t, w, "POST", uploads, nil, append(key, "Upload-Length", "1", "Upload-Metadata", meta)...)
	}
	job := func() string {
		a := begins(tusMeta("pipeline", "keep", "name", "a"), "Idempotency-Key", `"up"`)
		same(t, "begun", a.StatusCode, http.StatusCreated)
		return tus(t, w, "PATCH", a.Header.Get("Location"), strings.NewReader("x"), "Upload-Offset", "0").Header.Get("Millrace-Job")
	}
	first := job()
	if first == "" {
		t.Fatal("there is no job")
	}
	same(t, "the same job", job(), first)
	begins(tusMeta("pipeline", "keep", "key", "other"), "Idempotency-Key", `"up"`).problem(t, 400, "http.bad_key")
	begins(tusMeta("pipeline", "keep"), "Idempotency-Key", `"up`).problem(t, 400, "http.bad_key")
}
