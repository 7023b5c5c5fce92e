package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/millrace/millrace/services/mill"
)

const millCommand = "mill"

// millMain is a whole mill in a process of its own. It prints its address and
// runs until it is interrupted.
func millMain(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	m, err := mill.New(mill.Config{DataDir: dir, HTTPAddr: "127.0.0.1:0"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	select {
	case <-m.Ready():
		fmt.Println(m.HTTPURL())
		err = <-ended
	case err = <-ended:
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
