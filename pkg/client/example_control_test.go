package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

// Cancel a job that takes too long. The order is for the job as it was read: had it
// moved since, nothing would be done.
func ExampleClient_OrderAt() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	r, err := c.SubmitFile(ctx, "testdata/letter.txt", client.FileJob{Pipeline: "endless"})
	if err != nil {
		log.Fatal(err)
	}
	seen, err := c.Job(ctx, r.Job)
	if err != nil {
		log.Fatal(err)
	}
	order := api.Order{Reason: "nobody waits for it any more"}
	_, err = c.OrderAt(ctx, r.Job, seen.Revision, events.VerbCancel, order)
	if fault.Has(err, fault.JobStaleRevision) {
		log.Fatal("it has moved: read it again, and decide again")
	}
	if err != nil {
		log.Fatal(err)
	}
	j, err := c.Wait(ctx, r.Job)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(j.Job.State)
	// Output:
	// cancelled
}

// Try again what is in attention: a job that has used up its attempts, or has met what
// trying again by itself does not mend.
func ExampleClient_Retry() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	r, err := c.SubmitFile(ctx, "testdata/letter.txt", client.FileJob{Pipeline: "shy"})
	if err != nil {
		log.Fatal(err)
	}
	j, err := c.WaitFor(ctx, r.Job, func(j *api.Job) bool { return j.Job.State == events.JobAttention })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(j.Job.State, j.Job.Steps["ask"].Fault.Class)
	if _, err := c.Retry(ctx, r.Job, "there is a new key"); err != nil {
		log.Fatal(err)
	}
	if j, err = c.Wait(ctx, r.Job); err != nil {
		log.Fatal(err)
	}
	fmt.Println(j.Job.State)
	// Output:
	// attention auth
	// completed
}

// Answer what jobs ask a person: each decision says what happened, and what can be
// chosen and means what.
func ExampleClient_Decide() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	r, err := c.SubmitFile(ctx, "testdata/letter.txt", client.FileJob{Pipeline: "shy"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.WaitFor(ctx, r.Job, func(j *api.Job) bool { return j.Job.State == events.JobAttention })
	if err != nil {
		log.Fatal(err)
	}
	for d, err := range c.AllDecisions(ctx, api.DecisionQuery{Pipeline: "shy"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.Step, d.Fault.Code)
		for _, o := range d.Choices {
			fmt.Println("-", o.Choice)
		}
		answer := api.DecisionAnswer{Choice: events.ChooseRetry, Reason: "there is a new key"}
		if _, err := c.Decide(ctx, d.ID, d.Version, answer); err != nil {
			log.Fatal(err)
		}
	}
	j, err := c.Wait(ctx, r.Job)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(j.Job.State)
	// Output:
	// ask simulate.failed
	// - retry
	// - force_skip
	// - abandon
	// - cancel
	// completed
}
