package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

// params are the parameters of the demo's pipeline.
type params struct {
	Dir    string `json:"dir"`
	Hiccup bool   `json:"hiccup"`
}

// one puts one file through the mill and waits for its job.
func one(ctx context.Context, c Config, pick Pick, hiccup bool) Item {
	item := Item{Pick: pick}
	start := time.Now()
	item.Err = item.run(ctx, c, hiccup)
	item.Took = time.Since(start)
	c.Board.finished(item)
	return item
}

func (item *Item) run(ctx context.Context, c Config, hiccup bool) error {
	var err error
	if item.Digest, err = digestOf(item.Path); err != nil {
		return err
	}
	var before int64
	file, err := c.Client.UploadFile(ctx, item.Path, client.Upload{Progress: func(sent, _ int64) {
		c.Board.uploaded(sent - before)
		before = sent
	}})
	if err != nil {
		return err
	}
	if file.Digest != item.Digest {
		return fault.New(fault.FetchChanged, item.Path, nil)
	}
	raw, err := json.Marshal(params{Dir: filepath.ToSlash(item.Folder), Hiccup: hiccup})
	if err != nil {
		return fault.New(fault.InternalBug, "encode the parameters", err)
	}
	receipt, err := c.Client.Submit(ctx, pipelineName, events.Submission{
		Params: raw, Labels: map[string]string{"from": "demo"},
		Files: []events.Source{{Name: file.Name, Digest: file.Digest, Size: file.Size}},
	})
	if err != nil {
		return err
	}
	item.Job = receipt.Job
	return item.follow(ctx, c)
}

// follow watches the job to its end.
func (item *Item) follow(ctx context.Context, c Config) error {
	var last events.Job
	for e, err := range c.Client.Watch(ctx, item.Job, 0) {
		if err != nil {
			return err
		}
		if e.Record == nil {
			continue
		}
		c.Board.moved(last, e.Record.Job)
		last = e.Record.Job
		item.State = last.State
		if last.State == events.JobAttention {
			break
		}
	}
	for id, s := range last.Steps {
		again := max(s.Attempt-1, 0)
		if id == hiccupStep {
			item.Hiccups += again
		} else {
			item.Retries += again
		}
	}
	item.Published = last.Steps["publish"].Findings["path"]
	if last.State == events.JobCompleted {
		return nil
	}
	return jobError(last)
}

// jobError says why a job did not complete.
func jobError(j events.Job) error {
	f := j.Fault
	for _, s := range j.Steps {
		if f == nil && s.Fault != nil {
			f = s.Fault
		}
	}
	if f == nil {
		return fault.New(fault.DemoCheckFailed, "job "+j.ID+" is "+string(j.State), nil)
	}
	e := fault.New(fault.Code(f.Code), f.Message, nil)
	e.Override = fault.Class(f.Class)
	return e
}

// digestOf reads a file and returns its digest.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fault.New(fault.CliUnreadable, "", err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fault.New(fault.CliUnreadable, "", err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
