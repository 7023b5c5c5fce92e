package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/api"
)

// ApplyPipeline makes a pipeline file the current version of its name. name must be
// the name that the file states; empty means whatever it states. It may be
// repeated. Faults: pipeline.invalid, with every complaint in the [Problem];
// pipeline.conflict; those of http and client.
func (c *Client) ApplyPipeline(ctx context.Context, name string, src []byte) (*api.Applied, error) {
	if name == "" {
		checked, err := c.CheckPipeline(ctx, "", src)
		if err != nil {
			return nil, err
		}
		// A file with errors may state no name; the server then says what is wrong.
		if name = checked.Name; name == "" {
			name = "unnamed"
		}
	}
	var a api.Applied
	err := c.json(ctx, call{
		method: http.MethodPut, path: pipelinePath(name), query: because(ctx), body: notNil(src), header: yamlHeader(),
	}, &a)
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// CheckPipeline returns the complaints about a pipeline file without storing it.
// file is the name used in them. Faults: those of http and client.
func (c *Client) CheckPipeline(ctx context.Context, file string, src []byte) (*api.Checked, error) {
	query := url.Values{}
	if file != "" {
		query.Set("file", file)
	}
	var checked api.Checked
	err := c.json(ctx, call{
		method: http.MethodPost, path: "/v1/pipelines:check", query: query,
		body: notNil(src), header: yamlHeader(),
	}, &checked)
	if err != nil {
		return nil, err
	}
	return &checked, nil
}

// Pipelines returns the pipelines by name. Faults: those of http and client.
func (c *Client) Pipelines(ctx context.Context) ([]api.PipelineEntry, error) {
	var list api.PipelineList
	if err := c.get(ctx, "/v1/pipelines", nil, &list); err != nil {
		return nil, err
	}
	return list.Pipelines, nil
}

// Pipeline returns the current version of a pipeline, or the one with a digest when
// that is not empty. Faults: pipeline.not_found, those of http and client.
func (c *Client) Pipeline(ctx context.Context, name, digest string) (*api.Pipeline, error) {
	query := url.Values{}
	if digest != "" {
		query.Set("digest", digest)
	}
	var p api.Pipeline
	if err := c.get(ctx, pipelinePath(name), query, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// PipelineVersions returns every version that a pipeline has had, oldest first.
// Faults: pipeline.not_found, those of http and client.
func (c *Client) PipelineVersions(ctx context.Context, name string) ([]api.PipelineVersion, error) {
	var v api.PipelineVersions
	if err := c.get(ctx, pipelinePath(name)+"/versions", nil, &v); err != nil {
		return nil, err
	}
	return v.Versions, nil
}

func pipelinePath(name string) string { return "/v1/pipelines/" + url.PathEscape(name) }

func yamlHeader() http.Header { return http.Header{"Content-Type": {api.ContentTypeYAML}} }

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
