package client

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Config says which server to speak to and how.
type Config struct {
	// Server is the address of the gateway: "http://127.0.0.1:7420". Without a
	// scheme, http is meant. It is required.
	Server string
	// Tenant is whose jobs and pipelines are meant. Empty means the default one.
	Tenant string
	// Token is an API key or a bearer token. It is sent to the server and nowhere
	// else. Empty means none.
	Token string
	// HTTPClient makes the requests. Nil means one of the client's own, which
	// follows no redirect and limits the time to connect, but not how long an
	// answer may take to arrive whole.
	HTTPClient *http.Client
	// Tries is how often a call that may be repeated is made before its error is
	// returned. Zero means 4.
	Tries int
	// Patience is how long [Client.Wait] and [Client.Watch] bear a server that
	// does not answer. Zero means 2 minutes, a negative value that they never
	// lose it.
	Patience time.Duration
	// ResumeFrom is from which size on, in bytes, [Client.UploadFile] sends a file so
	// that it goes on after a broken connection. Zero means 16 MiB, a negative value
	// never.
	ResumeFrom int64
	// AskFrom is from which size on, in bytes, [Client.UploadFile] asks before it sends
	// a file whether the server has its content already. It costs reading the file one
	// time more, and a request. Zero means 64 KiB, a negative value never.
	AskFrom int64
	// UserAgent names the program. Empty means "millrace-go".
	UserAgent string
}

// Client speaks to one gateway as one tenant. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client
}

// New returns a client. It does not connect. Fault: client.unreachable when the
// address is not that of an HTTP server, http.bad_request for a tenant whose name
// is not allowed.
func New(cfg Config) (*Client, error) {
	address := cfg.Server
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fault.New(fault.ClientUnreachable,
			fmt.Sprintf("%q is not the address of an HTTP server", clipped(cfg.Server)), nil)
	}
	if cfg.Tenant != "" && !events.ValidToken(cfg.Tenant) {
		return nil, fault.New(fault.HTTPBadRequest,
			fmt.Sprintf("tenant %q is not 1 to 64 of a-z, 0-9, _ and -", clipped(cfg.Tenant)), nil)
	}
	if strings.ContainsFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fault.New(fault.AuthInvalid, "a token is printable ASCII without spaces", nil)
	}
	base.RawQuery, base.Fragment = "", ""
	base.Path = strings.TrimRight(base.Path, "/")
	c := &Client{cfg: cfg, base: base, http: cfg.HTTPClient}
	if c.http == nil {
		c.http = ownHTTP()
	}
	if c.cfg.Tries <= 0 {
		c.cfg.Tries = 4
	}
	if c.cfg.Patience == 0 {
		c.cfg.Patience = 2 * time.Minute
	}
	if c.cfg.ResumeFrom == 0 {
		c.cfg.ResumeFrom = 16 << 20
	}
	if c.cfg.AskFrom == 0 {
		c.cfg.AskFrom = 64 << 10
	}
	if c.cfg.UserAgent == "" {
		c.cfg.UserAgent = "millrace-go"
	}
	return c, nil
}

// Server returns the address of the gateway without credentials.
func (c *Client) Server() string { return c.base.Scheme + "://" + c.base.Host + c.base.Path }

// Close closes the connections that are idle. It may be called more than once, and
// the client can be used again afterwards.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// ownHTTP returns the HTTP client of programs that bring none. There is no limit
// on a whole answer, because a download may take as long as it takes.
func ownHTTP() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ExpectContinueTimeout: 2 * time.Second,
			// Longer than the longest wait that a server grants.
			ResponseHeaderTimeout: 3 * time.Minute,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			// A digest is that of the bytes as they are.
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

func clipped(s string) string { return fault.Clip(s, 200) }
