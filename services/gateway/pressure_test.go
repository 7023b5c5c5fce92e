package gateway_test

import (
	"io"
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

// TestNoRoomForASize declares sizes that the disk has no room for: they are refused
// before a byte of them has come. Then there is room.
func TestNoRoomForASize(t *testing.T) {
	t.Parallel()
	var free atomic.Int64
	free.Store(2000)
	disk := pressure.New(pressure.Options{
		Dirs: []string{"x"}, Store: "x", Low: pressure.Mark{Bytes: 1000},
		Space: func(string) (pressure.Space, error) { return pressure.Space{Free: free.Load(), Total: 1 << 30}, nil },
	})
	w := gatewaytest.New(t, gateway.Config{Pressure: disk, Limits: gateway.Limits{Upload: 1 << 20}})
	const begin = " HTTP/1.1\nHost: localhost\nConnection: close\nContent-Type: application/octet-stream\n"
	for _, head := range []string{
		"POST /v1/artifacts" + begin + "Content-Length: 1001\n\n",
		"POST /v1/jobs?pipeline=keep" + begin + "Content-Length: 1001\n\n",
		"PUT /v1/artifacts/" + digestOf(bytesOf(1001)) + begin + "Content-Length: 1001\n\n",
		"POST /v1/uploads/" + begin + "Content-Length: 0\nTus-Resumable: 1.0.0\nUpload-Length: 1001\n\n",
	} {
		got, err := io.ReadAll(dial(t, w, head)) // no byte of the content is sent
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"HTTP/1.1 507 ", "Retry-After: 30\r\n", `"code":"disk.no_room"`, `"retryable":true`} {
			if !strings.Contains(string(got), want) {
				t.Errorf("%s: without %q: %s", head, want, got)
			}
		}
	}
	body, contentType := form(t, "@a", string(bytesOf(1001)))
	ask(t, "POST", w.URL+"/v1/artifacts", body, "Content-Type", contentType).problem(t, 507, "disk.no_room")
	later := tus(t, w, "POST", uploads, nil, "Upload-Defer-Length", "1")
	same(t, "a size that is not known yet", later.StatusCode, 201)
	place := later.Header.Get("Location")
	tus(t, w, "PATCH", place, nil, "Upload-Offset", "0", "Upload-Length", "1001").problem(t, 507, "disk.no_room")
	tus(t, w, "POST", uploads, nil, "Upload-Length", "2000000").problem(t, 413, "artifact.too_large")
	same(t, "what fits", ask(t, "POST", w.URL+"/v1/artifacts", reader(bytesOf(1000))).StatusCode, 201)

	free.Store(2001)
	same(t, "with room", ask(t, "POST", w.URL+"/v1/artifacts", reader(bytesOf(1001))).StatusCode, 201)
	same(t, "with room, resumable", tus(t, w, "POST", uploads, nil, "Upload-Length", "1001").StatusCode, 201)
}
