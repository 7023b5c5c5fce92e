package httpcall_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// TestAnswers gives every kind of answer to the first attempt, and looks at what
// it says and at what the ledger makes of it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const made, absent, unknown = events.EffectCommitted, events.EffectAbsent, events.EffectUnknown
	for _, test := range []struct {
		status int
		after  string
		config string
		want   fault.Code
		wait   time.Duration
		state  events.EffectState
	}{
		{200, "", "", "", 0, made},
		{204, "", "", "", 0, made},
		{200, "", `"expect":[201]`, fault.EffectUnknown, 0, unknown},
		{409, "", `"expect":[200,409]`, "", 0, made},
		{302, "", "", fault.EffectUnknown, 0, unknown},
		{303, "", `"verify":{"idempotent":true}`, fault.EffectUnknown, 0, unknown},
		{307, "", "", fault.HttpcallRejected, 0, absent},
		{308, "", "", fault.HttpcallRejected, 0, absent},
		{400, "", "", fault.HttpcallRejected, 0, absent},
		{401, "", "", fault.HttpcallDenied, 0, absent},
		{403, "", "", fault.HttpcallDenied, 0, absent},
		{404, "", "", fault.HttpcallRejected, 0, absent},
		{408, "", "", fault.EffectUnknown, 0, unknown},
		{409, "", "", fault.HttpcallRejected, 0, absent},
		{409, "", `"verify":{"idempotent":true}`, fault.HttpcallServerError, 0, events.EffectIntended},
		{425, "", "", fault.HttpcallRateLimited, 0, absent},
		{429, "7", "", fault.HttpcallRateLimited, 7 * time.Second, absent},
		{429, "", "", fault.HttpcallRateLimited, 0, absent},
		{500, "", "", fault.EffectUnknown, 0, unknown},
		{503, "9", "", fault.EffectUnknown, 0, unknown},
		{503, "9", `"verify":{"idempotent":true}`, fault.HttpcallUnavailable, 9 * time.Second, events.EffectIntended},
		{503, "", `"verify":{"idempotent":true}`, fault.HttpcallServerError, 0, events.EffectIntended},
		{500, "3", `"verify":{"idempotent":true}`, fault.HttpcallServerError, 3 * time.Second, events.EffectIntended},
	} {
		t.Run(fmt.Sprint(test.status, test.after, test.config), func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				if test.after != "" {
					w.Header().Set("Retry-After", test.after)
				}
				w.WriteHeader(test.status)
			}))
			t.Cleanup(srv.Close)
			config := `{"url":"` + srv.URL + `/hook"`
			if test.config != "" {
				config += "," + test.config
			}
			task := newJob(t, config+"}").Attempt()
			_, err := newStage(t).Run(t.Context(), task)
			if (test.want == "") != (err == nil) || test.want != "" && !fault.Has(err, test.want) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hook") {
				t.Errorf("shows the path: %v", err)
			}
			var f *fault.Error
			if errors.As(err, &f) && f.RetryAfter != test.wait {
				t.Errorf("waits for %v", f.RetryAfter)
			}
			if _, state, err := task.Checkpoints.Made(t.Context(), "call"); state != test.state || err != nil {
				t.Errorf("the ledger says %s, %v", state, err)
			}
		})
	}
}

// TestNoConnection is refused before anything is sent.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	plain := newShop(t)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for address, want := range map[string]fault.Code{
		"http://" + dead:                  fault.HttpcallUnreachable,
		"http://no-such-host.invalid":     "",
		secure.URL:                        fault.HttpcallUntrusted,
		"https" + plain.URL[len("http"):]: fault.HttpcallRejected,
	} {
		task := newJob(t, `{"url":"`+address+`/x"}`).Attempt()
		_, err := newStage(t).Run(t.Context(), task)
		if want == "" && !fault.Has(err, fault.HttpcallUnreachable) && !fault.Has(err, fault.HttpcallRejected) ||
			want != "" && !fault.Has(err, want) {
			t.Errorf("%s: %v", address, err)
		}
		if _, state, err := task.Checkpoints.Made(t.Context(), "call"); state != events.EffectAbsent || err != nil {
			t.Errorf("%s: the ledger says %s, %v", address, state, err)
		}
	}
}

// TestBrokenAnswers ends answers in all the ways that they should not end.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	head := "HTTP/1.1 200 OK\r\n"
	for name, test := range map[string]struct {
		say  string
		hold bool
		want fault.Code
	}{
		"nothing":    {"", false, fault.HttpcallNoAnswer},
		"ends early": {head + "Content-Length: 10\r\n\r\nabc", false, fault.HttpcallNoAnswer},
		"rubbish":    {"s3cret-s3cret\r\n\r\n", false, fault.HttpcallNoAnswer},
		"bad chunks": {head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", false, fault.HttpcallNoAnswer},
		"stalls":     {head + "Content-Length: 10\r\n\r\nabc", true, fault.HttpcallTimeout},
		"is silent":  {"", true, fault.HttpcallTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := speak(t, test.say, test.hold)
			task := newJob(t, `{"url":"`+site+`","time_limit":"300ms","verify":{"idempotent":true},"headers":{"a":"s3cret-s3cret"}}`).Attempt()
			_, err := newStage(t).Run(t.Context(), task)
			wantFault(t, err, test.want)
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("repeats what it was told: %v", err)
			}
			if _, state, err := task.Checkpoints.Made(t.Context(), "call"); state != events.EffectIntended || err != nil {
				t.Errorf("the ledger says %s, %v", state, err)
			}
		})
	}
}

// speak serves connections with what is said to each, and may hold the line.
func speak(t *testing.T, say string, hold bool) string {
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
					fmt.Fprint(c, say)
				}
				if hold {
					_, _ = c.Read(buf) // until the other end goes
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// TestLargeAnswer is clipped, and does not fail a call that was made.
func TestLargeAnswer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			fmt.Fprint(w, strings.Repeat("1", 1024))
		}
	}))
	t.Cleanup(srv.Close)
	r, err := try(t, newStage(t), newJob(t, `{"url":"`+srv.URL+`"}`))
	if err != nil || r.Findings["status"] != "200" || r.Findings["answer"] != "" {
		t.Errorf("%v, %v", r.Findings, err)
	}
}

// TestSecrets calls a service that repeats everything it was told, in several
// spellings.
func TestSecrets(t *testing.T) {
	t.Parallel()
	password := `p"w\<d>é-0123456789`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/x?token="+r.Header.Get("X-Token"))
		w.Header().Set("Request-Id", r.Header.Get("Authorization"))
		fmt.Fprintf(w, `{"a":%q,"b":"%s","c":"p\u0022w\u005c\u003cd\u003e\u00e9-0123456789","d":%q}`,
			r.Header.Get("Authorization"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("X-Token"))
	}))
	t.Cleanup(srv.Close)
	bearer := "Bearer " + base64.StdEncoding.EncodeToString([]byte("who:what is it"))
	log := new(strings.Builder)
	j := newJob(t, fmt.Sprintf(`{"url":%q,"headers":{"Authorization":%q,"X-Token":"p\"w\\<d>é-0123456789"}}`, srv.URL, bearer))
	task := j.Attempt()
	task.Log = logTo(log)
	r, err := newStage(t).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	kept, _, err := task.Checkpoints.Made(t.Context(), "call")
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(r.Findings, kept, log)
	for _, secret := range []string{password, bearer, bearer[7:], "0123456789"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is in %s", secret, all)
		}
	}
	if want := `{"a":"***","b":"***","c":"***","d":"***"}`; r.Findings["answer"] != want {
		t.Errorf("answer %s", r.Findings["answer"])
	}
}

// TestOtherHostsLearnNothing sends headers only to the host they are for.
func TestOtherHostsLearnNothing(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 3)
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Method + " " + r.Header.Get("X-Token") })
	s := newShop(t)
	s.spoil(nil, cut)
	j := newJob(t, `{"url":"`+s.URL+`/orders","headers":{"X-Token":"s3cret"},
		"verify":{"url":"`+other+`/{id}"},"undo":{"url":"`+other+`"}}`)
	_, err := try(t, newStage(t), j)
	wantFault(t, err, fault.HttpcallNoAnswer)
	if _, err := try(t, newStage(t), j); err != nil {
		t.Error(err)
	}
	if err := takeBack(t, newStage(t), j); err != nil {
		t.Error(err)
	}
	close(seen)
	for _, want := range []string{"GET ", "POST "} {
		if got := <-seen; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
