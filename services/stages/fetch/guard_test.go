package fetch

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "100.63.255.255": true, "100.128.0.0": true, "172.32.0.1": true,
		"2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.0": false, "100.127.255.255": false,
		"127.0.0.1": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.1": false, "192.0.2.1": false, "192.168.0.1": false, "198.18.0.1": false, "224.0.0.1": false,
		"239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::a00:1": false, "2001:db8::1": false, "2002:a00:1::": false, "fc00::1": false, "fd12::1": false,
		"fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "100::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("public(%s) = %v", text, got)
		}
	}
}

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
	s := newFetcher(Options{}, newTransport(allow, nil))
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
