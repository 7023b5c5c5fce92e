package gateway_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestLittleRoom lets a disk run full and gives it room again.
func TestLittleRoom(t *testing.T) {
	t.Parallel()
	var free atomic.Int64
	free.Store(1000)
	disk := pressure.New(pressure.Options{
		Dirs: []string{"x"}, Low: pressure.Mark{Bytes: 500}, Park: pressure.Mark{Bytes: 100},
		Space: func(string) (pressure.Space, error) { return pressure.Space{Free: free.Load(), Total: 1000}, nil },
	})
	w := gatewaytest.New(t, gateway.Config{Pressure: disk})
	r := submit(t, w, oneFile)
	ready := func() string {
		var h api.Health
		ask(t, "GET", w.URL+"/readyz", nil).into(t, 200, &h)
		return h.Checks["disk"]
	}
	same(t, "with room", ready(), "ok")
	begun := ask(t, "POST", w.URL+"/v1/uploads/", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "2")
	same(t, "upload", begun.StatusCode, 201)

	free.Store(400)
	disk.Look()
	for _, c := range [][2]string{
		{"POST", "/v1/jobs"},
		{"POST", "/v1/jobs?pipeline=keep"},
		{"POST", "/v1/jobs/" + r.Job + "/rerun"},
		{"POST", "/v1/artifacts"},
		{"PUT", "/v1/artifacts/sha256:" + strings.Repeat("0", 64)},
		{"POST", "/v1/uploads/"},
		{"POST", "/v1/uploads"},
	} {
		a := ask(t, c[0], w.URL+c[1], strings.NewReader(oneFile), "Content-Type", "application/json", "Tus-Resumable", "1.0.0")
		p := a.problem(t, 507, "disk.low")
		if after := a.Header.Get("Retry-After"); after != "30" || !p.Retryable {
			t.Errorf("%s: come again after %q: %+v", c, after, p)
		}
	}
	same(t, "an upload goes on", ask(t, "PATCH", w.URL+begun.Header.Get("Location"), strings.NewReader("ab"),
		"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream").StatusCode, 204)
	same(t, "a job is read", ask(t, "GET", w.URL+"/v1/jobs/"+r.Job, nil).StatusCode, 200)
	if s := ready(); !strings.HasPrefix(s, "low: ") {
		t.Errorf("low: %q", s)
	}
	free.Store(50)
	disk.Look()
	if s := ready(); !strings.HasPrefix(s, "parked: ") {
		t.Errorf("parked: %q", s)
	}

	free.Store(1000)
	disk.Look()
	same(t, "with room again", ready(), "ok")
	submit(t, w, oneFile)
}
