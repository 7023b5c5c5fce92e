package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

// checkHTTP looks whether the mill could listen for HTTP.
func checkHTTP(_ context.Context, c Config) Check {
	check := checkPort("http-port", c.HTTPAddr)
	if check.Status != OK && strings.HasSuffix(c.Server, "//"+c.HTTPAddr) {
		return Check{Name: check.Name, Status: OK, Detail: c.HTTPAddr + " is the running mill"}
	}
	if check.Status != OK {
		check.Hint = "Another program listens there; millrace dev takes a free port by itself, or choose one with --http-addr."
	}
	return check
}

// checkNATS looks whether the mill's own broker could listen.
func checkNATS(_ context.Context, c Config) Check {
	if c.NATSAddr == "" {
		return Check{Name: "nats-port", Status: Info, Detail: "the broker stays closed; name a port by --nats-addr"}
	}
	check := checkPort("nats-port", c.NATSAddr)
	if check.Status != OK {
		check.Hint = "Another program listens there, perhaps another broker; choose another --nats-addr."
	}
	return check
}

// checkPort looks whether an address is free.
func checkPort(name, addr string) Check {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return Check{Name: name, Status: Warn, Detail: err.Error()}
	}
	_ = l.Close()
	return Check{Name: name, Status: OK, Detail: addr + " is free"}
}

const (
	// clockSkew is how far clocks may be apart before records look odd.
	clockSkew = 5 * time.Second
	firstYear = 2026
)

// checkClock compares the clock with the year of this program and with the clock
// that stamps files, which is another machine's on a network file system.
func checkClock(_ context.Context, c Config) Check {
	check := Check{Name: "clock"}
	now := time.Now()
	if now.Year() < firstYear {
		check.Status, check.Detail = Fail, now.UTC().Format(time.RFC3339)
		check.Hint = "The clock is years behind; set it, or start the time service of the machine."
		return check
	}
	skew, err := fileSkew(existing(c.DataDir))
	if err != nil {
		check.Status, check.Detail = Warn, err.Error()
		check.Hint = "The clock of the data directory's disk could not be read."
		return check
	}
	check.Status, check.Detail = OK, now.UTC().Format(time.RFC3339)
	if skew > clockSkew {
		check.Status = Warn
		check.Detail += fmt.Sprintf(", but the disk's clock is %s off", skew.Round(time.Millisecond))
		check.Hint = "The disk belongs to a machine with another time; set both clocks by the same source."
	}
	return check
}

// fileSkew returns how far the stamp of a new file is from the clock.
func fileSkew(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".millrace-doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return time.Since(info.ModTime()).Abs(), nil
}

// checkBroker connects to the external broker and looks at version and JetStream.
func checkBroker(ctx context.Context, c Config) Check {
	check := Check{Name: "broker"}
	if c.Broker.URL == "" {
		check.Status, check.Detail = Info, "embedded; name an external one by --nats"
		return check
	}
	if isFolder(c.Broker.Creds) {
		return checkUsers(ctx, c)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	conn, err := bus.Connect(ctx, c.Broker)
	if err != nil {
		f := fault.From(err)
		check.Status, check.Detail, check.Hint = Fail, f.Error(), f.Code.Info().Hint
		return check
	}
	version, url := conn.Server()
	check.Status, check.Detail = OK, fmt.Sprintf("nats-server %s with JetStream at %s", version, url)
	if err := conn.Close(); err != nil {
		check.Detail += ", " + err.Error()
	}
	return check
}

// checkServer asks a running mill whether it is ready, and looks at its clock.
func checkServer(ctx context.Context, c Config) Check {
	check := Check{Name: "server"}
	if c.Server == "" {
		check.Status, check.Detail = Info, c.NoServer
		return check
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	date, disk, err := readyz(ctx, c.Server)
	if err != nil {
		f := fault.From(err)
		check.Status, check.Detail, check.Hint = Fail, f.Error(), f.Code.Info().Hint
		return check
	}
	check.Detail = c.Server + " is ready"
	check.Status = OK
	if disk != "" && disk != "ok" {
		check.Status = Warn
		check.Detail += ", its disk is " + disk
		check.Hint = fault.DiskLow.Info().Hint
	}
	if skew := time.Since(date).Abs(); !date.IsZero() && skew > clockSkew {
		check.Status = Warn
		check.Detail += fmt.Sprintf(", but its clock is %s off", skew.Round(time.Second))
		check.Hint = "Set both clocks by the same source."
	}
	return check
}

// readyz asks a mill whether it takes work, and returns the time it has and how it
// stands with its disks.
func readyz(ctx context.Context, server string) (date time.Time, disk string, err error) {
	var clock dateReader
	c, err := client.New(client.Config{Server: server, HTTPClient: &http.Client{Transport: &clock}})
	if err != nil {
		return date, disk, err
	}
	defer func() { _ = c.Close() }()
	h, err := c.Health(ctx)
	if err != nil {
		return date, disk, err
	}
	// Some other program may answer, too.
	if _, err := c.Version(ctx); err != nil {
		return date, disk, err
	}
	return clock.date, h.Checks["disk"], nil
}

// dateReader is a transport that remembers the Date of the last answer.
type dateReader struct{ date time.Time }

// RoundTrip makes a request with the default transport.
func (d *dateReader) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		d.date, _ = http.ParseTime(answer.Header.Get("Date"))
	}
	return answer, err
}
