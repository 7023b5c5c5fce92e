package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

// address is that of the mill which the examples speak to. Yours is at
// "http://127.0.0.1:7420" after "millrace dev".
var address string

// pipelines are those of that mill: one packs letters, one never ends by itself, and
// one wants to be asked a second time.
var pipelines = map[string]string{
	"letters": "    - { id: pack, uses: compress@1 }\n",
	"endless": "    - { id: wait, uses: simulate@1, with: { hang: true } }\n",
	"shy":     "    - { id: ask, uses: simulate@1, with: { fail: { class: auth, message: the key has expired, times: 1 } } }\n",
}

// withMill runs the tests beside a mill for the examples.
type withMill struct{ *testing.M }

// Run runs the tests.
func (m withMill) Run() int {
	stop, err := startMill()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the mill of the examples:", err)
		return 1
	}
	code := m.M.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "the mill of the examples:", err)
		return 1
	}
	return code
}

// startMill starts the mill of the examples and returns what stops it.
func startMill() (stop func() error, err error) {
	dir, err := os.MkdirTemp("", "millrace-examples-")
	if err != nil {
		return nil, err
	}
	m, err := mill.New(mill.Config{
		DataDir: dir, HTTPAddr: "127.0.0.1:0", Durability: mill.DurabilityRelaxed, AllowPrivateNetworks: true,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = func() error {
		cancel()
		return errors.Join(<-ended, os.RemoveAll(dir))
	}
	select {
	case <-m.Ready():
	case err := <-ended:
		cancel()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	address = m.HTTPURL()
	if err := furnish(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// furnish gives the mill its pipelines, and three jobs that have ended.
func furnish(ctx context.Context) error {
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for name, steps := range pipelines {
		source := "apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata:\n  name: " + name + "\nspec:\n  steps:\n" + steps
		if _, err := c.ApplyPipeline(ctx, name, []byte(source)); err != nil {
			return err
		}
	}
	for _, name := range []string{"one.txt", "two.txt", "three.txt"} {
		r, err := c.Submit(ctx, "letters", events.Submission{
			Files: []events.Source{{Name: name, Inline: []byte(name)}}, Labels: map[string]string{"batch": "july"},
		})
		if err != nil {
			return err
		}
		if _, err := c.Wait(ctx, r.Job); err != nil {
			return err
		}
	}
	return nil
}
