package stagetest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/stage"
)

// shout is a whole stage: it turns small text files into capitals.
type shout struct{}

func (shout) Spec() stage.Spec {
	return stage.Spec{
		Name: "shout", Version: 1, Logic: "1",
		Summary:   "Turns text into capitals.",
		Guarantee: "Repeated, it gives the same files. It has no effects.",
		Inputs:    "Text files.",
		Outputs:   "The same files in capitals.",
	}
}

func (shout) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	if err := t.Config(&struct{}{}); err != nil { // takes none
		return stage.Result{}, err
	}
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	var res stage.Result
	for _, f := range files {
		r, err := t.Store.Open(ctx, f.Digest)
		if err != nil {
			return stage.Result{}, err
		}
		defer r.Close()
		text, err := io.ReadAll(io.LimitReader(r, 1<<20))
		if err != nil {
			return stage.Result{}, err
		}
		made, err := t.Store.Put(ctx, bytes.NewReader(bytes.ToUpper(text)), &artifact.PutOptions{Name: f.Name})
		if err != nil {
			return stage.Result{}, err
		}
		res.Files = append(res.Files, made)
	}
	return res, nil
}

// A stage needs nothing but a task to run. In a test of its own, one would call
// stagetest.Test with it, which also gives the task to it.
func Example() {
	ctx := context.Background()
	store := artifact.New(memstore.New(), nil)
	defer store.Close()
	in, err := store.Put(ctx, bytes.NewReader([]byte("hello")), &artifact.PutOptions{Name: "hello.txt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := shout{}.Run(ctx, &stage.Task{Files: []events.File{in}, Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := store.Open(ctx, res.Files[0].Digest)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	fmt.Println(res.Files[0].Name, string(text), err)
	// Output: hello.txt HELLO <nil>
}
