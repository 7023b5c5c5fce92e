package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

// Have a service of your own told when jobs end. What it is told is signed as Standard
// Webhooks says; any library of that verifies it.
func ExampleClient_CreateWebhook() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	secret, told := make(chan string, 1), make(chan events.Notification, 1)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		known := <-secret
		secret <- known
		verifier, err := standardwebhooks.NewWebhook(known)
		if err != nil || verifier.Verify(body, r.Header) != nil {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		var n events.Notification
		if err := json.Unmarshal(body, &n); err != nil {
			http.Error(w, "what do you mean?", http.StatusBadRequest)
			return
		}
		told <- n
	}))
	defer service.Close()

	hook, err := c.CreateWebhook(ctx, api.WebhookRequest{
		URL: service.URL, Types: []string{"job.completed"}, Pipelines: []string{"letters"},
	})
	if err != nil {
		log.Fatal(err)
	}
	secret <- hook.Secret // it is in this answer and nowhere else

	r, err := c.SubmitFile(ctx, "testdata/letter.txt", client.FileJob{Pipeline: "letters"})
	if err != nil {
		log.Fatal(err)
	}
	for n := range told {
		if n.Data.Job == r.Job { // it is told of everybody's letters
			fmt.Println(n.Data.Event, n.Data.State)
			break
		}
	}
	if err := c.DeleteWebhook(ctx, hook.ID); err != nil {
		log.Fatal(err)
	}
	// Output:
	// job.completed completed
}
