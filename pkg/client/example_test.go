package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
)

// Submit a file, wait for its job, and fetch what became of it.
func Example() {
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
	j, err := c.Wait(ctx, r.Job)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(j.Job.State)

	folder, err := os.MkdirTemp("", "letters-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for _, f := range j.Job.Outputs["pack"] {
		out, err := os.Create(filepath.Join(folder, f.Name))
		if err != nil {
			log.Fatal(err)
		}
		n, err := c.DownloadOf(ctx, r.Job, f.Digest, out, nil)
		if err := errors.Join(err, out.Close()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(f.Name, f.MediaType, n == f.Size)
	}
	// Output:
	// completed
	// letter.txt.zst application/zstd true
}

// A key makes one job of a submission, however often it is made: after a crash of the
// program, say. The same key for other content is refused.
func ExampleClient_Submit() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	submission := events.Submission{
		Key: "invoice-7", Files: []events.Source{{Name: "invoice.txt", Inline: []byte("7 mills\n")}},
	}
	first, err := c.Submit(ctx, "letters", submission)
	if err != nil {
		log.Fatal(err)
	}
	again, err := c.Submit(ctx, "letters", submission)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same job:", again.Job == first.Job, again.Duplicate)

	submission.Files[0].Inline = []byte("8 mills\n")
	_, err = c.Submit(ctx, "letters", submission)
	var p *client.Problem
	if errors.As(err, &p) {
		fmt.Println(p.Code, p.Job == first.Job)
		fmt.Println(p.Hint)
	}
	// Output:
	// the same job: true true
	// submit.key_reused true
	// Use a new key for new content; the job named here is the one the key belongs to.
}

// A large file goes on where it was when the connection breaks, and one that the server
// has already is not sent at all. Here both begin at one byte.
func ExampleClient_UploadFile() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: address, ResumeFrom: 1, AskFrom: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	f, err := c.UploadFile(ctx, "testdata/letter.txt", client.Upload{
		MediaType: "text/plain",
		Progress:  func(sent, total int64) { fmt.Println(sent, "of", total, "bytes") },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Name, f.Size, f.MediaType)

	// What is in the store is named by its digest.
	r, err := c.Submit(ctx, "letters", events.Submission{
		Files: []events.Source{{Name: f.Name, Digest: f.Digest}},
	})
	if err != nil {
		log.Fatal(err)
	}
	j, err := c.Wait(ctx, r.Job)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(j.Job.State)
	// Output:
	// 42 of 42 bytes
	// letter.txt 42 text/plain
	// completed
}
