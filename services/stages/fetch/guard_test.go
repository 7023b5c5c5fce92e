package fetch

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// TestRedirectIsGuarded redirects from an address that is allowed to one that is
// not.
func TestRedirectIsGuarded(t *testing.T) {
	t.Parallel()
	asked := false
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	inside.Listener = l
	inside.Start()
	outside := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	allow := func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.1") }
	s := newFetcher(Options{}, netguard.Transport(netguard.Options{Allow: allow}))
	task := stagetest.NewTask(t, stagetest.Case{Sources: []events.Source{{URL: outside.URL}}})
	if _, err := s.Run(t.Context(), task); !fault.Has(err, fault.FetchPrivateAddress) {
		t.Errorf("got %v", err)
	}
	outside.Close()
	inside.Close()
	if asked {
		t.Error("the private address was asked")
	}
}
