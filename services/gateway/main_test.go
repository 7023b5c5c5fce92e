package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		// The tus handler lets the context of a request live on for a second.
		goleak.IgnoreAnyFunction("github.com/tus/tusd/v2/pkg/handler.newDelayedContext.func1"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
	)
}

// answer is an HTTP answer that was read whole.
type answer struct {
	*http.Response
	body []byte
}

// ask makes a request, and holds the answer against the OpenAPI document. Headers come
// in pairs.
func ask(t *testing.T, method, url string, body io.Reader, headers ...string) answer {
	t.Helper()
	body, sent := known(body)
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	r, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer func() { _ = r.Body.Close() }()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%s %s: read the answer: %v", method, url, err)
	}
	a := answer{r, data}
	keepsContract(t, a, sent)
	return a
}

// later makes a request in the background. Its answer is closed without one when
// the request fails.
func later(t *testing.T, method, url string, body io.Reader, headers ...string) <-chan answer {
	t.Helper()
	got := make(chan answer, 1)
	go func() {
		defer close(got)
		got <- ask(t, method, url, body, headers...)
	}()
	return got
}

// arrived waits for the answer of a request in the background.
func arrived(t *testing.T, got <-chan answer) answer {
	t.Helper()
	a, ok := <-got
	if !ok {
		t.Fatal("there is no answer")
	}
	return a
}

// into decodes a JSON answer that must have a status.
func (a answer) into(t *testing.T, status int, v any) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("decode %s: %v", a.body, err)
	}
}

// problem checks that an answer is a well-formed problem with a status and a code.
func (a answer) problem(t *testing.T, status int, code string) events.Problem {
	t.Helper()
	var p events.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("status %d, not a problem: %s", a.StatusCode, a.body)
	}
	if a.StatusCode != status || p.Code != code || p.Status != status {
		t.Fatalf("status %d, problem %+v, want %d %s", a.StatusCode, p, status, code)
	}
	if got := a.Header.Get("Content-Type"); got != events.ContentTypeProblem {
		t.Errorf("content type %q", got)
	}
	if p.Type == "" || p.Title == "" || p.Class == "" {
		t.Errorf("incomplete problem %+v", p)
	}
	return p
}

// submit hands a job in and returns its receipt.
func submit(t *testing.T, w *gatewaytest.World, body string, headers ...string) events.Receipt {
	t.Helper()
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(body),
		append([]string{"Content-Type", "application/json"}, headers...)...)
	var r events.Receipt
	a.into(t, http.StatusAccepted, &r)
	return r
}

const oneFile = `{"pipeline":"keep","files":[{"inline":"aGVsbG8K","name":"hello.txt"}]}`

// bytesOf returns n bytes that do not repeat soon.
func bytesOf(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// hanging is a time that only a hanging test takes. It is longer than the broker keeps
// a consumer that nobody could remove.
const hanging = time.Minute

// eventually tries until there is no error, for as long as only a broken test takes.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(hanging)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(time.Millisecond)
	}
}

func reader(b []byte) io.Reader { return bytes.NewReader(b) }

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
