package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const brokerCommand = "broker"

// brokerConfig goes to the broker's own process as its argument.
type brokerConfig struct {
	Dir    string
	Always bool
}

// brokerMain is the broker in a process of its own. It prints its address and
// runs until its standard input ends.
func brokerMain(arg string) int {
	var c brokerConfig
	if err := json.Unmarshal([]byte(arg), &c); err != nil {
		return 2
	}
	s, err := runServer(c, true)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	s.WaitForShutdown()
	return 0
}

func runServer(c brokerConfig, listen bool) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		JetStream: true, StoreDir: c.Dir, SyncAlways: c.Always, NoSigs: true, NoLog: true,
		Host: "127.0.0.1", Port: server.RANDOM_PORT, DontListen: !listen,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, errors.New("broker does not start")
	}
	return s, nil
}

// broker is a broker for one run: embedded, or a child process.
type broker struct {
	server *server.Server
	child  *exec.Cmd
	stdin  io.Closer
	url    string
}

func openBroker(s settings, dir string) (*broker, error) {
	c := brokerConfig{Dir: dir, Always: s.always}
	if !s.tcp {
		srv, err := runServer(c, false)
		return &broker{server: srv}, err
	}
	arg, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &broker{child: exec.Command(self, brokerCommand, string(arg))}
	b.child.Stderr = os.Stderr
	out, err := b.child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if b.stdin, err = b.child.StdinPipe(); err != nil {
		return nil, err
	}
	if err := b.child.Start(); err != nil {
		return nil, err
	}
	_, err = fmt.Fscanln(bufio.NewReader(out), &b.url)
	return b, err
}

func (b *broker) connect() (*nats.Conn, error) {
	if b.server != nil {
		return nats.Connect("", nats.InProcessServer(b.server))
	}
	return nats.Connect(b.url)
}

func (b *broker) close() error {
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
		return nil
	}
	return errors.Join(b.stdin.Close(), b.child.Wait())
}
