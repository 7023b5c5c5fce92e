package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

// Range over the jobs of a batch. Pages are asked for as they are needed.
func ExampleClient_Jobs() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	query := api.JobQuery{
		States: []events.JobState{events.JobCompleted, events.JobPartial},
		Labels: map[string]string{"batch": "july"},
		Sort:   api.SortOldest,
		Limit:  2, // to a page
	}
	for j, err := range c.Jobs(ctx, query) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(j.Name, j.State)
	}
	// Output:
	// one.txt completed
	// two.txt completed
	// three.txt completed
}
