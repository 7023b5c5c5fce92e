package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// form makes a form of names and values in pairs; a name that begins with @ is that of
// a file.
func form(t *testing.T, pairs ...string) (body io.Reader, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		part, err := io.Writer(nil), error(nil)
		if name, ok := strings.CutPrefix(pairs[i], "@"); ok {
			part, err = w.CreateFormFile("file", name)
		} else {
			part, err = w.CreateFormField(pairs[i])
		}
		if err == nil {
			_, err = io.WriteString(part, pairs[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, w.FormDataContentType()
}

func TestFormJob(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	big := string(bytesOf(1 << 20))
	body, contentType := form(t, "@a.txt", "hello", "param.level", "7", "@b c.bin", big,
		"pipeline", "keep", "key", "k", "label.team", "x")
	var r events.Receipt
	ask(t, "POST", w.URL+"/v1/jobs", body, "Content-Type", contentType).into(t, http.StatusAccepted, &r)
	var s events.Submission
	if err := json.Unmarshal(w.Conductor.Submissions()[0].Data, &s); err != nil {
		t.Fatal(err)
	}
	same(t, "submission", s, events.Submission{
		Key: "k", Labels: map[string]string{"team": "x"}, Params: json.RawMessage(`{"level":7}`),
		Files: []events.Source{
			{Name: "a.txt", Digest: digestOf([]byte("hello")), Size: 5},
			{Name: "b c.bin", Digest: digestOf([]byte(big)), Size: 1 << 20},
		},
	})
}

func TestFormArtifact(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	body, contentType := form(t, "@a.txt", "hello")
	var f events.File
	ask(t, "POST", w.URL+"/v1/artifacts", body, "Content-Type", contentType).into(t, http.StatusCreated, &f)
	same(t, "file", f, events.File{Name: "a.txt", Digest: digestOf([]byte("hello")), Size: 5})
}

func TestBadForms(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{Upload: 1000}})
	var many []string
	for i := range 300 {
		many = append(many, "param.p"+strconv.Itoa(i), "x")
	}
	for name, c := range map[string]struct {
		path   string
		pairs  []string
		status int
		code   string
	}{
		"no pipeline":      {"/v1/jobs", []string{"@a", "x"}, 400, "http.bad_request"},
		"unknown pipeline": {"/v1/jobs", []string{"@a", "x", "pipeline", "nope"}, 404, "pipeline.not_found"},
		"no file":          {"/v1/jobs", []string{"pipeline", "keep"}, 422, "submit.no_files"},
		"unknown field":    {"/v1/jobs", []string{"@a", "x", "pipelin", "keep"}, 400, "http.bad_request"},
		"twice":            {"/v1/jobs", []string{"pipeline", "keep", "pipeline", "keep"}, 400, "http.bad_request"},
		"a name":           {"/v1/jobs", []string{"pipeline", "keep", "name", "a"}, 400, "http.bad_request"},
		"too large":        {"/v1/jobs", []string{"@a", strings.Repeat("x", 1001)}, 413, "artifact.too_large"},
		"a large field":    {"/v1/jobs", []string{"params", strings.Repeat("x", 70_000)}, 413, "http.too_large"},
		"many":             {"/v1/jobs", many, 400, "http.bad_request"},
		"a query":          {"/v1/jobs?pipeline=keep", []string{"@a", "x"}, 400, "http.bad_request"},
		"two files":        {"/v1/artifacts", []string{"@a", "x", "@b", "y"}, 400, "http.bad_request"},
		"no file to store": {"/v1/artifacts", nil, 400, "http.bad_request"},
		"a job's field":    {"/v1/artifacts", []string{"pipeline", "keep"}, 400, "http.bad_request"},
	} {
		body, contentType := form(t, c.pairs...)
		a := ask(t, "POST", w.URL+c.path, body, "Content-Type", contentType)
		t.Run(name, func(t *testing.T) { a.problem(t, c.status, c.code) })
	}
	for name, body := range map[string]string{
		"rubbish":        "rubbish",
		"cut":            "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nabc",
		"cut in a field": "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nabc",
	} {
		a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=x")
		t.Run(name, func(t *testing.T) { a.problem(t, 400, "http.bad_request") })
	}
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader("x"), "Content-Type", "multipart/form-data")
	a.problem(t, 400, "http.bad_request")
}
