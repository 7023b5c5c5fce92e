package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

// TestMill puts a letter through the mill.
func TestMill(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	url, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, io.Discard, mill.Config{DataDir: t.TempDir(), HTTPAddr: "127.0.0.1:0"},
			func(u string) { url <- u })
	}()
	select {
	case u := <-url:
		if got, want := redacted(ctx, t, u, "My card is 4111111111111111."), "My card is ************1111."; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	case err := <-ended:
		t.Fatal(err)
	}
}

// redacted returns what the mill makes of a text.
func redacted(ctx context.Context, t *testing.T, url, text string) string {
	t.Helper()
	c, err := client.New(client.Config{Server: url})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	letter := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(letter, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := c.SubmitFile(ctx, letter, client.FileJob{Pipeline: "redact"})
	if err != nil {
		t.Fatal(err)
	}
	j, err := c.Wait(ctx, r.Job)
	if err != nil {
		t.Fatal(err)
	}
	files := j.Job.Outputs["files"]
	if j.Job.State != events.JobCompleted || len(files) != 1 || j.Job.Steps["redact"].Findings["cards"] != "1" {
		t.Fatalf("got %+v", j.Job)
	}
	var out bytes.Buffer
	if _, err := c.Download(ctx, files[0].Digest, &out, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
