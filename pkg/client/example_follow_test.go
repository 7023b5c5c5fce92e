package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
)

// Follow one job from its first record to its end, also across a broken connection.
func ExampleClient_Watch() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	r, err := c.SubmitFile(ctx, "testdata/letter.txt", client.FileJob{Pipeline: "letters"})
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range c.Watch(ctx, r.Job, 0) {
		switch {
		case err != nil:
			log.Fatal(err)
		case e.Record != nil:
			fmt.Println(e.Type)
		case e.Progress != nil: // how far a step is; it decides nothing
		case e.End != nil:
			fmt.Println("the end:", e.End.State)
		}
	}
	// Output:
	// job.accepted
	// job.completed
	// the end: completed
}

// Follow all jobs of a tenant, as a dashboard does. Place says where to go on.
func ExampleClient_Events() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	query := client.EventQuery{Types: []string{"job.completed"}, Pipelines: []string{"letters"}}
	var job string
	for e, err := range c.Events(ctx, query) {
		if err != nil {
			log.Fatal(err)
		}
		if e.Type == "" { // the stream has begun: what happens from now on comes
			r, err := c.SubmitFile(ctx, "testdata/letter.txt", client.FileJob{Pipeline: "letters"})
			if err != nil {
				log.Fatal(err)
			}
			job = r.Job
			continue
		}
		var n events.Notification
		if err := json.Unmarshal(e.Body, &n); err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Type, n.Data.Job == job)
		break
	}
	// Output:
	// job.completed true
}
