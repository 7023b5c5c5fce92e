package fetch_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/fetch"
)

// get fetches one address with a stage that may go everywhere.
func get(t *testing.T, address, config string) (stage.Result, error) {
	t.Helper()
	return getWith(t, fetch.Options{AllowPrivateNetworks: true}, address, config)
}

func getWith(t *testing.T, o fetch.Options, address, config string) (stage.Result, error) {
	t.Helper()
	task := stagetest.NewTask(t, stagetest.Case{Sources: from(address), Config: config})
	return fetch.New(o).Run(t.Context(), task)
}

// speak serves connections with what is said to each, byte by byte.
func speak(t *testing.T, say func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				if _, err := c.Read(buf); err == nil {
					say(c)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	site := web(t)
	tests := []struct {
		status, after string
		code          fault.Code
		least, most   time.Duration
	}{
		{"429", "7", fault.FetchRateLimited, 7 * time.Second, 7 * time.Second},
		{"429", "", fault.FetchRateLimited, 0, 0},
		{"503", "9", fault.FetchRateLimited, 9 * time.Second, 9 * time.Second},
		{"503", "", fault.FetchServerError, 0, 0},
		{"500", "3", fault.FetchServerError, 3 * time.Second, 3 * time.Second},
		{"429", "-5", fault.FetchRateLimited, 0, 0},
		{"429", "soon", fault.FetchRateLimited, 0, 0},
		{"429", "99999999999999999", fault.FetchRateLimited, 24 * time.Hour, 24 * time.Hour},
		{"429", "Fri, 31 Dec 9999 23:59:59 GMT", fault.FetchRateLimited, 24 * time.Hour, 24 * time.Hour},
		{"429", "Fri, 31 Dec 1999 23:59:59 GMT", fault.FetchRateLimited, 0, 0},
	}
	for _, test := range tests {
		_, err := get(t, site+"/status/"+test.status+"?after="+url.QueryEscape(test.after), "")
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != test.code || f.RetryAfter < test.least || f.RetryAfter > test.most {
			t.Errorf("%s, %q: %+v", test.status, test.after, err)
		}
	}
}

// TestTransfers ends transfers in all the ways that they should not end.
func TestTransfers(t *testing.T) {
	t.Parallel()
	head := "HTTP/1.1 200 OK\r\n"
	wait := func(t *testing.T) { <-time.After(3 * time.Second) }
	for name, test := range map[string]struct {
		say  func(t *testing.T, c net.Conn)
		want fault.Code
	}{
		"ends early": {func(_ *testing.T, c net.Conn) {
			fmt.Fprint(c, head, "Content-Length: 10\r\n\r\nabc")
		}, fault.FetchTruncated},
		"chunks end early": {func(_ *testing.T, c net.Conn) {
			fmt.Fprint(c, head, "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
		}, fault.FetchTruncated},
		"bad chunks": {func(_ *testing.T, c net.Conn) {
			fmt.Fprint(c, head, "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabcde\r\n")
		}, fault.FetchTruncated},
		"is reset": {func(_ *testing.T, c net.Conn) {
			fmt.Fprint(c, head, "Content-Length: 10\r\n\r\nabc")
			_ = c.(*net.TCPConn).SetLinger(0)
		}, fault.FetchTruncated},
		"stalls": {func(t *testing.T, c net.Conn) {
			fmt.Fprint(c, head, "Content-Length: 10\r\n\r\nabc")
			wait(t)
		}, fault.FetchStalled},
		"says nothing": {func(*testing.T, net.Conn) {}, fault.FetchServerError},
		"says rubbish": {func(_ *testing.T, c net.Conn) {
			fmt.Fprint(c, strings.Repeat("rubbish\x00\r\n", 10000))
		}, fault.FetchServerError},
		"endless header": {func(_ *testing.T, c net.Conn) {
			fmt.Fprint(c, head)
			for range 100_000 {
				if _, err := fmt.Fprint(c, "X-More: and more\r\n"); err != nil {
					return
				}
			}
		}, fault.FetchServerError},
		"redirects rudely": {func(_ *testing.T, c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 302 Found\r\nLocation: http://user:pass@%zz?secret\r\nContent-Length: 0\r\n\r\n")
		}, fault.FetchRejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := speak(t, func(c net.Conn) { test.say(t, c) })
			_, err := get(t, site+"/x?secret", `{"stall":"200ms"}`)
			if !fault.Has(err, test.want) {
				t.Errorf("got %v", err)
			}
			blamed := "http:" + strings.TrimPrefix(site, "http://")
			if got := fault.DependencyOf(err); got != blamed && test.want != fault.FetchRejected {
				t.Errorf("%q is to blame, want %q", got, blamed)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret shows in %v", err)
			}
		})
	}
}

// TestSlowButAlive lets a source take longer than stall, as long as it goes on.
func TestSlowButAlive(t *testing.T) {
	t.Parallel()
	site := speak(t, func(c net.Conn) {
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
		for range 10 {
			<-time.After(50 * time.Millisecond)
			fmt.Fprint(c, "x")
		}
	})
	if _, err := get(t, site, `{"stall":"400ms"}`); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, "http://"+address+"/x", ""); !fault.Has(err, fault.FetchUnreachable) ||
		fault.ClassOf(err) != fault.DependencyDown {
		t.Errorf("got %v", err)
	}
}

// TestSecrets puts secrets everywhere in an address and looks for them.
func TestSecrets(t *testing.T) {
	t.Parallel()
	var user, password atomic.Value
	var referred atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		user.Store(u)
		password.Store(p)
		referred.Store(referred.Load() || r.Header.Get("Referer") != "" || r.Header.Get("Cookie") != "")
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/gone?hidden=hidden", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	for _, address := range []string{
		"http://hidden:hidden@" + host + "/x?hidden#hidden", "http://hidden:hidden@" + host + "/moved?hidden=hidden",
		"http://hidden:hidden@127.0.0.1:1/?hidden", "https://hidden:hidden@" + host + "/?hidden",
		"http://hidden:hidden@no-such-host.invalid/?hidden", "http://hid den:hidden@x/?hidden", "ftp://hidden@x/?hidden",
		"file:///etc/passwd?hidden",
	} {
		_, err := get(t, address, "")
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
	}
	if user.Load() != "hidden" || password.Load() != "hidden" {
		t.Errorf("the login was not used: %v", user.Load())
	}
	if referred.Load() {
		t.Error("the redirect was told where it comes from")
	}
}

// TestLoginStaysHome does not send a login to where a redirect leads.
func TestLoginStaysHome(t *testing.T) {
	t.Parallel()
	var sent atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("Authorization"))
		fmt.Fprint(w, "x")
	}))
	defer other.Close()
	home := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer home.Close()
	if _, err := get(t, strings.Replace(home.URL, "http://", "http://me:secret@", 1), ""); err != nil {
		t.Fatal(err)
	}
	if sent.Load() != "" {
		t.Errorf("sent %v", sent.Load())
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.FormValue("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
		fmt.Fprint(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	known := x509.NewCertPool()
	known.AddCert(s.Certificate())
	trusting := fetch.Options{AllowPrivateNetworks: true, RootCAs: known}
	if _, err := getWith(t, trusting, s.URL, ""); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := get(t, s.URL, ""); !fault.Has(err, fault.FetchUntrusted) {
		t.Errorf("unknown authority: %v", err)
	}
	wrongName := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if _, err := getWith(t, trusting, wrongName, ""); !fault.Has(err, fault.FetchUntrusted) {
		t.Errorf("other name: %v", err)
	}
	if _, err := getWith(t, trusting, s.URL+"?to="+web(t)+"/text.txt", ""); !fault.Has(err, fault.FetchRejected) {
		t.Errorf("redirect to where everyone can read: %v", err)
	}
	if _, err := getWith(t, trusting, strings.Replace(web(t), "http", "https", 1), ""); !fault.Has(err, fault.FetchRejected) {
		t.Errorf("no TLS: %v", err)
	}
}

// TestPrivate refuses what resolves to a private address, in every disguise.
func TestPrivate(t *testing.T) {
	t.Parallel()
	var asked atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer s.Close()
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]",
		"10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "[fd00::1]", "[fe80::1]",
		"224.0.0.1", "255.255.255.255", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
	} {
		for _, address := range []string{"http://" + host + port, "https://" + host + port + "/x"} {
			_, err := getWith(t, fetch.Options{}, address, "")
			if !fault.Has(err, fault.FetchPrivateAddress) {
				t.Errorf("%s: got %v", address, err)
			}
		}
	}
	if asked.Load() {
		t.Error("a private address was asked")
	}
}

// TestBreaker stops asking a host that does not answer, and only that.
func TestBreaker(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	down := speak(t, func(net.Conn) { asked.Add(1) })
	s := fetch.New(fetch.Options{
		AllowPrivateNetworks: true, Breakers: breaker.New(breaker.Options{Failures: 2, Timeout: -1, Open: time.Hour}),
	})
	run := func(address string) error {
		task := stagetest.NewTask(t, stagetest.Case{Sources: from(address)})
		_, err := s.Run(t.Context(), task)
		return err
	}
	for range 2 {
		if err := run(down); !fault.Has(err, fault.FetchServerError) {
			t.Errorf("got %v", err)
		}
	}
	before := asked.Load()
	err := run(down)
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.BreakerOpen || f.RetryAfter <= 0 || f.Class() != fault.DependencyDown {
		t.Errorf("got %+v", err)
	}
	if asked.Load() != before {
		t.Error("it was asked all the same")
	}
	site := web(t)
	if err := run(site + "/text.txt"); err != nil {
		t.Errorf("another host: %v", err)
	}
	if err := run(site + "/to?url=" + down); !fault.Has(err, fault.BreakerOpen) {
		t.Errorf("by a redirect: %v", err)
	}
	for range 5 {
		if err := run(site + "/status/404"); !fault.Has(err, fault.FetchNotFound) {
			t.Errorf("an answer opens the breaker: %v", err)
		}
	}
}

// TestRedirectLoop gives up, and follows as many as it may.
func TestRedirectLoop(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/again", http.StatusMovedPermanently)
	}))
	defer s.Close()
	if _, err := get(t, s.URL, `{"max_redirects":3}`); !fault.Has(err, fault.FetchTooManyRedirects) {
		t.Errorf("got %v", err)
	}
	if asked.Load() != 4 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// TestOneOfManyFails says which, and stops the others.
func TestOneOfManyFails(t *testing.T) {
	t.Parallel()
	site := web(t)
	hang := speak(t, func(c net.Conn) { <-time.After(20 * time.Second) })
	task := stagetest.NewTask(t, stagetest.Case{Sources: []events.Source{
		{URL: site + "/text.txt"}, {URL: hang}, {URL: site + "/status/404"},
	}})
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	_, err := fetch.New(fetch.Options{AllowPrivateNetworks: true}).Run(ctx, task)
	if !fault.Has(err, fault.FetchNotFound) || !strings.Contains(err.Error(), "source 3") {
		t.Errorf("got %v", err)
	}
}
