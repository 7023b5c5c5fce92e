package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/millrace/millrace/pkg/client"
)

// Upload a file, follow its job, and say what became of it.
func Example() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: "http://127.0.0.1:7420"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	r, err := c.SubmitFile(ctx, "report.pdf", client.FileJob{
		Pipeline: "default", Key: "report-2026-11",
	})
	var p *client.Problem
	if errors.As(err, &p) {
		log.Fatalf("%s: %s", p.Code, p.Hint)
	}
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range c.Watch(ctx, r.Job, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Type)
	}
	j, err := c.Job(ctx, r.Job)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(j.Job.State, j.Job.Outputs)
}
