package notifier

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/tracing"
	"github.com/millrace/millrace/pkg/webhook"
)

// maxBody is how much of an answer is kept, in bytes.
const maxBody = 1 << 10

// answer is what came of a request.
type answer struct {
	status int
	body   string
	took   time.Duration
	err    error
}

// post sends a body to an endpoint, through the circuit of its host. An answer that is
// no success has an error: those of [webhook.Judge], webhook.unreachable,
// webhook.timeout, webhook.untrusted, webhook.secret_unreadable, net.private_address,
// breaker.open when nothing was sent, and job.cancelled when ctx has ended.
func (n *Notifier) post(ctx context.Context, e *webhook.Endpoint, id string, body []byte) (a answer) {
	began := time.Now()
	keys, err := e.Keys(n.Endpoints.Vault, began)
	if err != nil {
		return answer{err: err}
	}
	a.err = n.Breakers.Do(ctx, "http:"+e.Host(), func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, n.Timeout)
		defer cancel()
		req, err := http.NewRequestWithContext(limited, http.MethodPost, e.URL, bytes.NewReader(body))
		if err != nil {
			return fault.New(fault.WebhookUnreachable, "the address cannot be used", nil)
		}
		for name, value := range webhook.Headers(id, began, body, keys) {
			req.Header.Set(name, value)
		}
		req.Header.Set("Content-Type", webhook.ContentType)
		req.Header.Set("User-Agent", "millrace-webhooks/1")
		tracing.Inject(ctx, req.Header)
		resp, err := n.client.Do(req)
		if err != nil {
			return unanswered(ctx, limited, err)
		}
		defer resp.Body.Close()
		a.status, a.body = resp.StatusCode, excerpt(resp.Body)
		return webhook.Judge(a.status, netguard.RetryAfter(resp.Header.Get("Retry-After"), time.Now()))
	})
	a.took = time.Since(began)
	return a
}

// excerpt reads the beginning of an answer as text.
func excerpt(r io.Reader) string {
	data, _ := io.ReadAll(io.LimitReader(r, maxBody)) // what came before trouble will do
	return string(bytes.ToValidUTF8(bytes.ReplaceAll(data, []byte{0}, nil), []byte("?")))
}

// unanswered says why there is no answer. It names neither path nor query.
func unanswered(ctx, limited context.Context, err error) error {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return fault.From(context.Canceled)
	case fault.Has(err, fault.NetPrivateAddress):
		return fault.New(fault.NetPrivateAddress, "", nil)
	case limited.Err() != nil:
		return fault.New(fault.WebhookTimeout, "", nil)
	case netguard.Untrusted(err):
		return fault.New(fault.WebhookUntrusted, "", nil)
	case errors.As(err, &dns):
		return fault.New(fault.WebhookUnreachable, "the name cannot be looked up", nil)
	case errors.As(err, &op) && op.Op == "dial":
		return fault.New(fault.WebhookUnreachable, "", op.Err)
	}
	return fault.New(fault.WebhookUnreachable, "the connection broke before there was an answer", nil)
}

// notSent reports whether a request was not made, or was cut off by a stop: then it
// counts as no attempt.
func notSent(err error) bool {
	return fault.Has(err, fault.BreakerOpen) || fault.Has(err, fault.JobCancelled)
}

// message is the webhook-id and the body of a notification.
func message(n events.Notification, endpoint string) (id string, body []byte, err error) {
	body, err = webhook.Body(n)
	return webhook.MessageID(n.ID, endpoint), body, err
}
