package httpcall

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Values of each.
const (
	eachJob  = "job"
	eachFile = "file"
)

type config struct {
	URL       string            `json:"url"`
	Method    string            `json:"method"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	Each      string            `json:"each"`
	Expect    []int             `json:"expect"`
	TimeLimit stage.Duration    `json:"time_limit"`
	MaxAnswer stage.Bytes       `json:"max_answer"`
	KeyHeader string            `json:"key_header"`
	KeyQuotes bool              `json:"key_quotes"`
	Verify    *verify           `json:"verify"`
	Undo      *undo             `json:"undo"`
}

// verify is how to find out whether a call was made.
type verify struct {
	Idempotent   bool           `json:"idempotent"`
	URL          string         `json:"url"`
	DoneStatus   []int          `json:"done_status"`
	AbsentStatus []int          `json:"absent_status"`
	Wait         stage.Duration `json:"wait"`
}

// undo is the request that takes a call back.
type undo struct {
	Method     string          `json:"method"`
	URL        string          `json:"url"`
	Body       json.RawMessage `json:"body"`
	Expect     []int           `json:"expect"`
	Idempotent *bool           `json:"idempotent"`
}

func defaults() config {
	return config{
		Method: http.MethodPost, Each: eachJob, TimeLimit: stage.Duration(30 * time.Second),
		MaxAnswer: 64 << 10, KeyHeader: "Idempotency-Key", KeyQuotes: true,
	}
}

// UnmarshalJSON reads what a step says over the defaults. It is as strict as the
// configuration that it stands in.
func (v *verify) UnmarshalJSON(data []byte) error {
	type bare verify
	b := bare{DoneStatus: []int{http.StatusOK}, AbsentStatus: []int{http.StatusNotFound}, Wait: stage.Duration(5 * time.Second)}
	t := stage.Task{RawConfig: data}
	if err := t.Config(&b); err != nil {
		return errors.Unwrap(err)
	}
	*v = verify(b)
	return nil
}

// UnmarshalJSON reads what a step says over the defaults.
func (u *undo) UnmarshalJSON(data []byte) error {
	type bare undo
	b := bare{Method: http.MethodPost}
	t := stage.Task{RawConfig: data}
	if err := t.Config(&b); err != nil {
		return errors.Unwrap(err)
	}
	*u = undo(b)
	return nil
}

// Check says what a schema cannot. It repeats no value that may be a secret.
func (c *config) Check() error {
	if c.Each != eachJob && c.Each != eachFile {
		return errors.New("each is not job or file")
	}
	if err := checkRequest("", c.Method, c.URL, c.Expect); err != nil {
		return err
	}
	if c.TimeLimit <= 0 || time.Duration(c.TimeLimit) > time.Hour {
		return errors.New("time_limit is not above zero and at most 1h")
	}
	if c.MaxAnswer < 0 || c.MaxAnswer > 1<<20 {
		return errors.New("max_answer is above 1MiB")
	}
	if err := c.checkHeaders(); err != nil {
		return err
	}
	if err := c.checkBody("body", c.Body); err != nil {
		return err
	}
	if err := c.Verify.check(); err != nil {
		return err
	}
	if c.Undo == nil {
		return nil
	}
	if err := checkRequest("undo: ", c.Undo.Method, c.Undo.URL, c.Undo.Expect); err != nil {
		return err
	}
	return c.checkBody("the body of undo", c.Undo.Body)
}

func checkRequest(where, method, address string, expect []int) error {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return errors.New(where + "method is not POST, PUT, PATCH or DELETE")
	}
	if _, err := parseURL(address, "id"); err != nil {
		return fmt.Errorf("%s%w", where, err)
	}
	return checkStatuses(where+"expect", expect)
}

func checkStatuses(what string, list []int) error {
	for _, status := range list {
		if status < 200 || status > 599 {
			return errors.New(what + " has a status that is not within 200 and 599")
		}
	}
	return nil
}

// check says what is wrong with a verify; nil is right.
func (v *verify) check() error {
	switch {
	case v == nil:
		return nil
	case v.Idempotent == (v.URL != ""):
		return errors.New("verify has either idempotent: true or a url")
	case v.Idempotent:
		return nil
	}
	if _, err := parseURL(v.URL, "id"); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for _, status := range v.DoneStatus {
		if slices.Contains(v.AbsentStatus, status) {
			return errors.New("verify: a status is in done_status and in absent_status")
		}
	}
	return checkStatuses("verify", slices.Concat(v.DoneStatus, v.AbsentStatus))
}

// ours are the headers that the stage or the transport sets, or that speak of the
// connection.
var ours = []string{
	"Host", "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "User-Agent", "Accept-Encoding",
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")

func (c *config) checkHeaders() error {
	if !headerName.MatchString(c.KeyHeader) || slices.Contains(ours, http.CanonicalHeaderKey(c.KeyHeader)) {
		return errors.New("key_header is not the name of a header that a step may set")
	}
	if len(c.Headers) > 32 {
		return errors.New("there are more than 32 headers")
	}
	seen := []string{http.CanonicalHeaderKey(c.KeyHeader)}
	for name, value := range c.Headers {
		if !headerName.MatchString(name) {
			return errors.New("a name in headers is none")
		}
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case slices.Contains(ours, canonical):
			return errors.New("a step does not set the header " + canonical)
		case slices.Contains(seen, canonical):
			return errors.New("the header " + canonical + " is set twice")
		case len(value) > 8<<10, strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return errors.New("the value of the header " + canonical + " is too long or has control characters")
		}
		seen = append(seen, canonical)
	}
	return nil
}

// checkBody checks that a body can take the file, if it has to.
func (c *config) checkBody(what string, body json.RawMessage) error {
	if c.Each != eachFile || len(body) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return errors.New("with each: file " + what + " is an object")
	}
	if _, ok := fields["file"]; ok {
		return errors.New("with each: file " + what + " has no file of its own")
	}
	return nil
}

// parseURL reads an address in which {id} stands for id. The error does not
// repeat it, because nobody knows where in it the secrets are.
func parseURL(raw, id string) (*url.URL, error) {
	u, err := url.Parse(strings.ReplaceAll(raw, "{id}", id))
	switch {
	case err != nil || u.Opaque != "" || len(raw) > 4096:
		return nil, errors.New("the url cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the url is not an http or https address")
	case u.Hostname() == "":
		return nil, errors.New("the url names no host")
	case u.User != nil:
		return nil, errors.New("the url has a user; set the header Authorization instead")
	}
	if plain, err := url.Parse(strings.ReplaceAll(raw, "{id}", id+"-")); err != nil || plain.Host != u.Host {
		return nil, errors.New("the url has {id} in its host")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// shown is an address as it may be seen by anyone.
func shown(u *url.URL) string {
	return fault.Clip((&url.URL{Scheme: u.Scheme, Host: u.Host}).String(), 200)
}
