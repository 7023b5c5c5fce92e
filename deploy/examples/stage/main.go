// Command redactmill is a whole mill that also has the stage redact, which is not
// one of Millrace's own. It runs until it is interrupted.
//
//	go run .
//	millrace submit letter.txt --pipeline redact --watch --server http://127.0.0.1:7420
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"

	"example.com/redact/redact"
)

// pipeline is what the mill does with each file.
//
//go:embed redact.yaml
var pipeline []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := mill.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	flag.StringVar(&c.DataDir, "data-dir", ".millrace", "`FOLDER` for streams, artifacts and results")
	flag.StringVar(&c.HTTPAddr, "http-addr", "127.0.0.1:7420", "`ADDRESS` for HTTP")
	flag.Parse()
	err := run(ctx, os.Stdout, c, nil)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "redactmill:", err)
		os.Exit(1)
	}
}

// run runs the mill until ctx ends. It calls ready, which may be nil, when the mill
// takes work, with its address.
func run(ctx context.Context, out io.Writer, c mill.Config, ready func(url string)) error {
	c.ExtraStages = []stage.Stage{redact.New()} // this is all it takes
	m, err := mill.New(c)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-m.Ready():
	}
	if err := apply(ctx, m.HTTPURL()); err != nil {
		stop()
		return errors.Join(err, <-ended)
	}
	fmt.Fprintf(out, "The mill is at %s and has the pipeline redact.\n", m.HTTPURL())
	if ready != nil {
		ready(m.HTTPURL())
	}
	return <-ended
}

// apply gives the mill its pipeline.
func apply(ctx context.Context, url string) error {
	c, err := client.New(client.Config{Server: url})
	if err != nil {
		return err
	}
	_, err = c.ApplyPipeline(ctx, "redact", pipeline)
	return errors.Join(err, c.Close())
}
