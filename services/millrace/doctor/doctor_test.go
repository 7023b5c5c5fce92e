package doctor

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRunLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	checks := Run(t.Context(), Config{DataDir: filepath.Join(dir, "not", "there"), HTTPAddr: "127.0.0.1:0", NoServer: "none"})
	if len(checks) != 10 {
		t.Errorf("%d checks: %+v", len(checks), checks)
	}
	for _, c := range checks {
		if c.Detail == "" || (c.Status == Warn || c.Status == Fail) != (c.Hint != "") {
			t.Errorf("a check without detail, or with a hint that does not fit: %+v", c)
		}
		if c.Status == Fail {
			t.Errorf("fails: %+v", c)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFolderThatIsAFileOrGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, below := range []string{file, filepath.Join(file, "x"), filepath.Join(dir, "a", "b"), dir} {
		if got := existing(below); got != dir {
			t.Errorf("existing(%s) = %s, want %s", below, got, dir)
		}
	}
	if _, err := measureSync(file); err == nil {
		t.Error("a file passes for a folder")
	}
}

func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	addr := l.Addr().String()
	if c := checkHTTP(t.Context(), Config{HTTPAddr: addr}); c.Status != Warn || c.Hint == "" {
		t.Errorf("taken by a stranger: %+v", c)
	}
	if c := checkHTTP(t.Context(), Config{HTTPAddr: addr, Server: "http://" + addr}); c.Status != OK {
		t.Errorf("taken by the mill: %+v", c)
	}
	if c := checkNATS(t.Context(), Config{NATSAddr: addr}); c.Status != Warn || c.Hint == "" {
		t.Errorf("taken for the broker: %+v", c)
	}
	if c := checkNATS(t.Context(), Config{NATSAddr: "127.0.0.1:0"}); c.Status != OK {
		t.Errorf("free for the broker: %+v", c)
	}
}

func TestServerThatIsNoneOrNotReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   Status
	}{
		"ready": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ok"}`)) }, OK},
		"not ready": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"code":"http.not_ready","status":503,"detail":"broker: gone"}`))
		}, Fail},
		"another program": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, Fail},
		"another time": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			_, _ = w.Write([]byte(`{"status":"ok"}`))
		}, Warn},
	} {
		s := httptest.NewServer(c.answer)
		got := checkServer(t.Context(), Config{Server: s.URL, Wait: 5 * time.Second})
		s.Close()
		if got.Status != c.want || (got.Status != OK) != (got.Hint != "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	for want, list := range map[Status][]Check{
		OK:   {{Status: OK}, {Status: Info}},
		Warn: {{Status: Warn}, {Status: OK}},
		Fail: {{Status: Warn}, {Status: Fail}, {Status: Info}},
	} {
		if got := Worst(list); got != want {
			t.Errorf("worst of %v is %s, want %s", list, got, want)
		}
	}
}
