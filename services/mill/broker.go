package mill

import (
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/pkg/fault"
)

// brokerStart is how long the embedded broker may take to recover its streams.
const brokerStart = 5 * time.Minute

// startBroker starts the embedded broker and returns when it takes connections.
func startBroker(c Config) (*server.Server, error) {
	opts := &server.Options{
		ServerName: "millrace",
		JetStream:  true,
		StoreDir:   filepath.Join(c.DataDir, "nats"),
		SyncAlways: c.Durability == DurabilityAlways,
		DontListen: true,
		NoSigs:     true,
		// Loopback only unless the operator said otherwise.
		Host: "127.0.0.1",
	}
	if c.NATSListen != "" {
		host, port, err := net.SplitHostPort(c.NATSListen)
		if err != nil {
			return nil, badConfig(err.Error())
		}
		if opts.Port, err = strconv.Atoi(port); err != nil {
			return nil, badConfig("port of " + c.NATSListen)
		}
		if opts.Port == 0 {
			opts.Port = server.RANDOM_PORT
		}
		if host != "" {
			opts.Host = host
		}
		opts.DontListen = false
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fault.New(fault.MillStartFailed, "embedded broker", err)
	}
	s.SetLoggerV2(brokerLog{c.Log.With("part", "broker")}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(brokerStart) {
		s.Shutdown()
		return nil, fault.New(fault.MillStartFailed, "the embedded broker does not take connections at "+c.NATSListen, nil)
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, fault.New(fault.MillStartFailed, "the embedded broker cannot keep streams in "+opts.StoreDir, nil)
	}
	return s, nil
}

// brokerLog hands what the embedded broker logs to the mill's log.
type brokerLog struct{ log *slog.Logger }

func (l brokerLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l brokerLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l brokerLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l brokerLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l brokerLog) Debugf(string, ...any)           {}
func (l brokerLog) Tracef(string, ...any)           {}
