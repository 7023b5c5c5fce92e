package bus

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// The oldest broker that has message schedules and async persistence.
const (
	minMajor = 2
	minMinor = 12
)

// jetStreamWait bounds the question whether there is JetStream.
const jetStreamWait = 2 * time.Second

// checkVersion refuses brokers older than 2.12. What it cannot read, it trusts:
// the version is a courtesy of the broker, and a strange one is most likely new.
func checkVersion(version string) error {
	major, minor, ok := parseVersion(version)
	if !ok || major > minMajor || major == minMajor && minor >= minMinor {
		return nil
	}
	return fault.New(fault.BusTooOld, "it is version "+version, nil)
}

func parseVersion(v string) (major, minor int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(v, "v"), ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}

// checkJetStream asks for the account's limits. A user who may not ask gets no
// answer at all; then the first use will tell.
func (c *Conn) checkJetStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, jetStreamWait))
	defer cancel()
	_, err := c.js.AccountInfo(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled),
		errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return fault.New(fault.BusNoJetstream, c.address(), nil)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		c.log.Debug("the broker does not say whether it offers JetStream")
		return nil
	}
	return busFault("ask for JetStream", err)
}

// address is the broker's address without credentials.
func (c *Conn) address() string {
	if c.opts.InProcess != nil {
		return "the embedded broker"
	}
	all := strings.Split(c.opts.URL, ",")
	for i, s := range all {
		all[i] = bareAddress(strings.TrimSpace(s))
	}
	return strings.Join(all, ",")
}

func bareAddress(s string) string {
	if !strings.Contains(s, "://") {
		s = "nats://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return "an address that cannot be parsed"
	}
	return u.Scheme + "://" + u.Host
}
