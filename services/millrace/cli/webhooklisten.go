package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// Settings of webhook listen.
const (
	forwardTimeout = 15 * time.Second
	forwardPause   = 500 * time.Millisecond
	forwardPauses  = 10 * time.Second
	// forwarder stands for the endpoint in the webhook-id.
	forwarder = "listen"
)

// listenObject is the beginning of webhook listen under -o json.
type listenObject struct {
	Type   string `json:"type"`
	Place  uint64 `json:"place"`
	To     string `json:"forward_to"`
	Secret string `json:"secret"`
}

// forwardObject is one forwarded event under -o json.
type forwardObject struct {
	Type    string `json:"type"`
	Place   uint64 `json:"place"`
	Message string `json:"message"`
	Event   string `json:"event"`
	Job     string `json:"job"`
	Status  int    `json:"status"`
	MS      int64  `json:"ms"`
}

// listening is the command line of webhook listen.
type listening struct {
	p      *Program
	server serverFlags
	to     string
	secret string
	query  client.EventQuery
	key    webhook.Key
	http   *http.Client
}

func (p *Program) webhookListenCommand() *cobra.Command {
	l := &listening{p: p}
	cmd := &cobra.Command{
		Use:   "listen --forward-to URL [flags]",
		Short: "Forward events to an address of this machine, signed, until it is interrupted.",
		Long: "No endpoint is needed: the events are read from the server. While nothing listens at the address,\n" +
			"or the server is away, it waits and goes on with the event that is next. What was answered, with\n" +
			"any status, is not sent again; --after PLACE goes back.",
		Args: nothing,
		Example: "millrace webhook listen --forward-to http://localhost:3000/hook\n" +
			"millrace webhook listen --forward-to http://localhost:3000/hook --types '*' --after 4711",
	}
	flags := cmd.Flags()
	flags.StringVar(&l.to, "forward-to", "", "`URL` that events are sent to, required")
	flags.StringSliceVar(&l.query.Types, "types", nil, typesUsage)
	flags.StringSliceVar(&l.query.Pipelines, "pipelines", nil, pipelinesUsage)
	flags.StringVar(&l.secret, "secret", "", "`KEY` to sign with, whsec_ or whsk_ (default $MILLRACE_WEBHOOK_SECRET, or a new one)")
	flags.Uint64Var(&l.query.After, "after", 0, "`PLACE` after which to begin, as it was printed (default now)")
	l.server.add(cmd)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, _ []string) error { return l.run(ctx) })
}

func (l *listening) run(ctx context.Context) (err error) {
	u, err := url.Parse(l.to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usage("--forward-to is http://HOST/PATH, not %q", fault.Clip(l.to, 100))
	}
	if l.key, err = l.signer(); err != nil {
		return err
	}
	if len(l.query.Types) == 0 {
		l.query.Types = []string{"job.*"} // like an endpoint that names none
	}
	l.http = &http.Client{
		Timeout:       forwardTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer l.http.CloseIdleConnections()
	c, err := l.p.connect(l.server)
	if err != nil {
		return err
	}
	for n, err := range c.Events(ctx, l.query) {
		if err != nil {
			return err
		}
		if n.Type == "" {
			err = l.begin(n.Place)
		} else {
			err = l.forward(ctx, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// signer is the key that was given, or a new one.
func (l *listening) signer() (webhook.Key, error) {
	if l.secret == "" {
		l.secret = l.p.Getenv(secretEnv)
	}
	if l.secret == "" {
		return webhook.NewKey(webhook.SchemeV1), nil
	}
	k, err := webhook.ParseKey(l.secret)
	if err != nil {
		return k, usage("--secret is whsec_ and 24 to 64 bytes in base64, or whsk_ and an Ed25519 private key")
	}
	return k, nil
}

// begin says what a receiver needs to know. A public key will do where there is one.
func (l *listening) begin(place uint64) error {
	secret := l.key.Public()
	if secret == "" {
		secret = l.key.Reveal()
	}
	if l.p.asJSON() {
		return writeJSON(l.p.Out, listenObject{"webhook.listening", place, l.to, secret})
	}
	l.p.talk.Say("forwarding to %s from place %d, signed with %s", l.to, place, secret)
	return nil
}

// forward sends an event until there is an answer.
func (l *listening) forward(ctx context.Context, n client.TenantEvent) error {
	var e events.Notification
	if err := json.Unmarshal(n.Body, &e); err != nil {
		return fault.New(fault.ClientBadAnswer, "decode a notification", err)
	}
	id := webhook.MessageID(e.ID, forwarder)
	for pause := forwardPause; ; pause = min(2*pause, forwardPauses) {
		began := time.Now()
		status, err := l.post(ctx, id, n.Body)
		if err == nil {
			return l.show(forwardObject{
				"webhook.forwarded", n.Place, id, n.Type, e.Data.Job, status, time.Since(began).Milliseconds(),
			})
		}
		if pause == forwardPause {
			l.p.talk.Warn("%s does not answer; waiting", l.to)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *listening) post(ctx context.Context, id string, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.to, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range webhook.Headers(id, time.Now(), body, []webhook.Key{l.key}) {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", webhook.ContentType)
	r, err := l.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	_, _ = io.CopyN(io.Discard, r.Body, 64<<10) // so that the connection can be used again
	return r.StatusCode, nil
}

func (l *listening) show(f forwardObject) error {
	if l.p.asJSON() {
		return writeJSON(l.p.Out, f)
	}
	return written(lines(l.p.Out, "%d  %s  %s  %d  %d ms\n", f.Place, f.Event, f.Job, f.Status, f.MS))
}
