package cli

import (
	"context"
	"embed"
	"io/fs"
	"path"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// starterDefault is the pipeline that submit uses unless it is told another.
const starterDefault = "default"

// starters are the pipelines that millrace dev brings along.
//
//go:embed starters/*.yaml
var starters embed.FS

// applyStarters applies the starter pipelines whose names are not taken, and
// returns the names of all pipelines that there are then.
func applyStarters(ctx context.Context, c *client.Client) ([]string, error) {
	list, err := c.Pipelines(ctx)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	var names []string
	for _, p := range list {
		have[p.Name] = true
		names = append(names, p.Name)
	}
	files, err := fs.Glob(starters, "starters/*.yaml")
	if err != nil {
		return nil, fault.New(fault.InternalBug, "list the starter pipelines", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".yaml")
		if have[name] {
			continue
		}
		src, err := starters.ReadFile(file)
		if err != nil {
			return nil, fault.New(fault.InternalBug, "read a starter pipeline", err)
		}
		if _, err := c.ApplyPipeline(ctx, name, src); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// unfinished counts the jobs that are not final.
func unfinished(ctx context.Context, c *client.Client) (int, error) {
	var live []events.JobState
	for _, s := range api.States() {
		if !flow.Final(s) {
			live = append(live, s)
		}
	}
	n := 0
	for _, err := range c.Jobs(ctx, api.JobQuery{States: live, Limit: api.MaxLimit}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
