package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
)

// Limits of the door, which serves a few small requests a minute.
const (
	doorTimeout = 10 * time.Second
	doorHeader  = 8 << 10
)

// Door answers GET /metrics, /livez and /readyz, for processes that have no gateway and
// for those who must not reach it. It asks nobody who they are: keep it where only those
// who watch can reach it. It is used once.
type Door struct {
	Metrics *Metrics
	// Ready says how the process does: what it looked at, and whether all is well. It
	// must be safe for concurrent use.
	Ready func() (checks map[string]string, ok bool)
	// Log takes what a person may ask about. Nil discards it.
	Log *slog.Logger
}

// Run serves on a listener, which it closes, until ctx ends. Fault: mill.start_failed when
// the listener fails.
func (d *Door) Run(ctx context.Context, l net.Listener) error {
	log := d.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &http.Server{
		Handler: d.handler(netguard.Loopback(l.Addr().String())), ReadHeaderTimeout: doorTimeout, ReadTimeout: doorTimeout, WriteTimeout: doorTimeout,
		MaxHeaderBytes: doorHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fault.New(fault.MillStartFailed, "serve metrics", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if s.Shutdown(end) != nil {
		_ = s.Close() // who still reads has had a second
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fault.New(fault.MillStartFailed, "serve metrics", err)
	}
	return nil
}

// handler answers, on loopback only who means this machine: a name that leads here may be
// that of a page in somebody's browser.
func (d *Door) handler(loopback bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", d.Metrics.Handler())
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, api.Health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		checks, ok := d.Ready()
		if !ok {
			tell(w, http.StatusServiceUnavailable, api.Health{Status: "not ready", Checks: checks})
			return
		}
		tell(w, http.StatusOK, api.Health{Status: "ok", Checks: checks})
	})
	if !loopback {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !netguard.Loopback(r.Host) {
			tell(w, http.StatusMisdirectedRequest, api.Health{Status: "use localhost or 127.0.0.1"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func tell(w http.ResponseWriter, status int, h api.Health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// Nobody is left to tell that the client has gone.
	_ = json.NewEncoder(w).Encode(h)
}
