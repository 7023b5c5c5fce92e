package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
)

// lastRead is how long the rest of a body that nobody wants may take to arrive.
const lastRead = 500 * time.Millisecond

// exchange is one request and its answer. It is used by one goroutine.
type exchange struct {
	g      *Gateway
	w      *pacedWriter
	r      *http.Request
	body   *pacedBody // nil when the request has none
	tenant string
	id     string
	// started is when the request came, and route the pattern that it fits.
	started time.Time
	route   string
	// asked is the tenant that the request names, if any; the one that it is about
	// is tenant.
	asked string
	// principal is who makes the request. It is nil while identity is off, and on
	// routes that are open.
	principal *identity.Principal
	// deed is what the audit is told of the request. It is nil on routes that change
	// nothing.
	deed *api.AuditEntry
}

type exchangeKey struct{}

// outermost is what every request goes through before it reaches its route.
func (g *Gateway) outermost(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := g.newExchange(w, r)
		defer x.count()
		defer func() { x.finish(recover()) }()
		err := x.admit()
		if err == nil {
			_, pattern := mux.Handler(x.r)
			x.route = routeOf(pattern)
			door := g.doorway(x.r.Method, pattern)
			if err = x.enter(door); err == nil && door.brings {
				err = g.room()
			}
		}
		if err != nil {
			x.refuse(err)
			return
		}
		mux.ServeHTTP(x.w, x.r)
	})
}

// serve makes an HTTP handler of a route.
func (g *Gateway) serve(h func(*exchange) error) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x := r.Context().Value(exchangeKey{}).(*exchange)
		x.r = r
		if err := h(x); err != nil {
			x.refuse(err)
		}
	})
}

func (g *Gateway) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	rc := http.NewResponseController(w)
	x := &exchange{g: g, started: time.Now(), w: &pacedWriter{ResponseWriter: w, rc: rc, pace: newPace(g.Limits)}}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	if r.Body != nil && r.Body != http.NoBody {
		x.body = &pacedBody{ReadCloser: r.Body, rc: rc, pace: newPace(g.Limits)}
		r.Body = x.body
		// A body that no route reads is still read by the server.
		_ = rc.SetReadDeadline(time.Now().Add(g.Limits.RateWindow))
	}
	x.r = r
	return x
}

// admit fills in what every route needs and refuses what none takes.
func (x *exchange) admit() error {
	x.id = x.r.Header.Get(api.HeaderRequestID)
	if !requestID(x.id) {
		x.id = newID()
	}
	h := x.w.Header()
	h.Set(api.HeaderRequestID, x.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if err := x.g.guard(x.r); err != nil {
		return err
	}
	x.asked = x.r.Header.Get(api.HeaderTenant)
	if x.asked != "" && !events.ValidToken(x.asked) {
		return badRequest(api.HeaderTenant + " is not 1 to 64 of a-z, 0-9, _ and -")
	}
	if e := x.r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fault.New(fault.HTTPUnsupportedMediaType,
			"Content-Encoding "+fault.Clip(e, 40)+"; send the content as it is", nil)
	}
	return nil
}

// finish ends the exchange after the route has returned, or panicked with p.
func (x *exchange) finish(p any) {
	switch {
	case p == nil:
	case p == http.ErrAbortHandler: //nolint:errorlint // compared like net/http does
		panic(p)
	default:
		x.g.Log.Error("a request panicked", "panic", p, "request", x.id,
			"method", x.r.Method, "path", x.r.URL.Path, "stack", string(debug.Stack()))
		x.refuse(fault.New(fault.InternalBug, "", nil))
	}
	if x.body != nil && !x.body.ended {
		_ = x.w.rc.SetReadDeadline(time.Now().Add(lastRead))
	}
	x.w.arm()
}

// json answers with a JSON document.
func (x *exchange) json(status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fault.New(fault.InternalBug, "encode the answer", err)
	}
	return x.send(status, events.ContentTypeJSON, data)
}

// send answers with a document.
func (x *exchange) send(status int, contentType string, data []byte) error {
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodHead {
		return nil
	}
	// Nobody is left to tell that the client has gone.
	_, _ = x.w.Write(data)
	return nil
}

// newID returns an id that sorts by time and is like no other.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New() // panics when the system has no randomness at all
	}
	return id.String()
}

// requestID reports whether a client's own request id may be used.
func requestID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
			c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func badRequest(detail string) error {
	return fault.New(fault.HTTPBadRequest, fault.Clip(detail, 500), nil)
}
