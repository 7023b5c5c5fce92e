package bus

import (
	"log/slog"
	"net"
	"time"
)

// InProcess is a broker in this process, for example an embedded nats-server.
type InProcess interface {
	InProcessConn() (net.Conn, error)
}

// Options say which broker to use and how.
type Options struct {
	// URL is the broker's address, nats://127.0.0.1:4222 when empty. Several
	// addresses are separated by commas. It is not used with InProcess.
	URL string
	// Name is what the broker calls the connection in its own reports.
	Name string
	// InProcess is used instead of URL when it is set.
	InProcess InProcess
	// User and Password, or the path of a credentials file in Creds, are
	// given to the broker. All empty means none.
	User, Password, Creds string
	// UserKey is the path of a file with the key of a user (an nkey seed). It is
	// read again whenever a connection is made, so that it can be replaced.
	UserKey string
	// InboxPrefix is the first part of the subjects that answers come back
	// on, for brokers that give each user an own one. Empty means _INBOX.
	InboxPrefix string
	// LeaderReads reads single messages from the leader of a stream only, for users
	// who may not ask its replicas: see package brokeruser.
	LeaderReads bool
	// Log gets one line per lost and regained connection and per message that
	// was set aside. Nil means slog.Default().
	Log *slog.Logger
	// Timeout bounds calls whose context has no deadline. Zero means 5 seconds.
	Timeout time.Duration
	// OnReconnect is called after the connection was lost and is back, once at
	// a time and at least once after the last time. It must not call Close,
	// which waits for it. It may be nil.
	OnReconnect func()
}

const (
	defaultURL     = "nats://127.0.0.1:4222"
	defaultTimeout = 5 * time.Second
)

func (o Options) withDefaults() Options {
	if o.URL == "" {
		o.URL = defaultURL
	}
	if o.Name == "" {
		o.Name = "millrace"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return o
}
