package conductor

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/url"
	"path"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
)

// complaints is a fault that lists everything wrong with a submission.
type complaints struct {
	fault *fault.Error
	list  []events.ProblemError
}

// Error is the fault's.
func (e *complaints) Error() string { return e.fault.Error() }

// Unwrap gives the fault to errors.As.
func (e *complaints) Unwrap() error { return e.fault }

// complain returns the list as one fault, whose code is that of the first.
func complain(list []events.ProblemError) error {
	detail := list[0].Detail
	if list[0].Pointer != "" {
		detail = list[0].Pointer + ": " + detail
	}
	return &complaints{fault: fault.New(fault.Code(list[0].Code), detail, nil), list: list}
}

// check turns a submission into one that the machine accepts: every file is
// known or has an address that some stage may read, and the parameters match.
func (c *Conductor) check(ctx context.Context, s *events.Submission, def *pipeline.Definition) (*events.Accepted, error) {
	a := &events.Accepted{
		Rules:    flow.Rules,
		Pipeline: events.PipelineRef{Name: def.Name, Digest: def.Digest},
		Params:   bytes.Clone(s.Params), Labels: s.Labels,
	}
	if len(s.Files) == 0 {
		return nil, fault.New(fault.SubmitNoFiles, "", nil)
	}
	if list := def.CheckParams(s.Params); len(list) > 0 {
		return nil, complain(list)
	}
	if list := def.CheckFiles(s.Files); len(list) > 0 {
		return nil, complain(list)
	}
	names := make(map[string]int, len(s.Files))
	for i, f := range s.Files {
		f, err := c.checkSource(ctx, f, def)
		if err != nil {
			return nil, at(i, err)
		}
		if prev, taken := names[f.Name]; taken {
			return nil, at(i, fault.New(fault.SubmitBadName,
				strconv.Quote(f.Name)+" is also the name of /files/"+strconv.Itoa(prev), nil))
		}
		names[f.Name] = i
		a.Files = append(a.Files, f)
	}
	var err error
	if a.Fingerprint, err = fingerprint(a); err != nil {
		return nil, fault.New(fault.SubmitBadParams, "", err)
	}
	return a, nil
}

// at says which file an error is about.
func at(i int, err error) error {
	f := fault.From(err)
	pointer := "/files/" + strconv.Itoa(i)
	return &complaints{
		fault: &fault.Error{Code: f.Code, Detail: pointer + ": " + f.Detail, RetryAfter: f.RetryAfter, Err: f.Err},
		list:  []events.ProblemError{{Pointer: pointer, Code: string(f.Code), Detail: f.Message(), Hint: f.Code.Info().Hint}},
	}
}

// checkSource checks one file, stores it when it came inline, and names it.
func (c *Conductor) checkSource(ctx context.Context, f events.Source, def *pipeline.Definition) (events.Source, error) {
	given := 0
	for _, set := range []bool{f.URL != "", f.Digest != "", f.Inline != nil} {
		if set {
			given++
		}
	}
	if given != 1 {
		return f, fault.New(fault.SubmitBadSource, "it has "+strconv.Itoa(given)+" of url, digest and inline", nil)
	}
	if f.Name != "" {
		if err := artifact.CheckName(f.Name); err != nil {
			return f, err
		}
	}
	switch {
	case f.URL != "":
		return c.checkURL(f, def)
	case f.Digest != "":
		return c.checkDigest(ctx, f)
	}
	return c.storeInline(ctx, f)
}

func (c *Conductor) checkURL(f events.Source, def *pipeline.Definition) (events.Source, error) {
	u, err := url.Parse(f.URL)
	if err != nil || (u.Scheme != "file" && u.Scheme != "http" && u.Scheme != "https") {
		return f, fault.New(fault.SubmitBadSource, "the url is not a file, http or https address", nil)
	}
	if u.Scheme == "file" && (u.Host != "" && u.Host != "localhost" || u.Path == "") {
		return f, fault.New(fault.SubmitBadSource, "a file url is file:///absolute/path", nil)
	}
	if u.Scheme != "file" && u.Host == "" {
		return f, fault.New(fault.SubmitBadSource, "the url names no host", nil)
	}
	if !fetches(def) {
		return f, fault.New(fault.SubmitNeedsFetch, "pipeline "+def.Name, nil)
	}
	if c.CheckURL != nil {
		if err := c.CheckURL(f.URL); err != nil {
			return f, err
		}
	}
	if f.Name == "" {
		f.Name = artifact.CleanName(path.Base(u.Path))
	}
	return f, nil
}

func (c *Conductor) checkDigest(ctx context.Context, f events.Source) (events.Source, error) {
	if err := artifact.CheckDigest(f.Digest); err != nil {
		return f, fault.New(fault.SubmitBadSource, "", err)
	}
	size, err := c.Store.Stat(ctx, f.Digest)
	if fault.Has(err, fault.ArtifactNotFound) {
		return f, fault.New(fault.SubmitUnknownArtifact, f.Digest, nil)
	}
	if err != nil {
		return f, err
	}
	f.Size = size
	if f.Name == "" {
		f.Name = "file"
	}
	return f, nil
}

func (c *Conductor) storeInline(ctx context.Context, f events.Source) (events.Source, error) {
	stored, err := c.Store.Put(ctx, bytes.NewReader(f.Inline), nil)
	if err != nil {
		return f, err
	}
	f.Digest, f.Size, f.Inline = stored.Digest, stored.Size, nil
	if f.Name == "" {
		f.Name = "file"
	}
	return f, nil
}

// fetches reports whether a pipeline has a step that reads the job's URLs.
func fetches(def *pipeline.Definition) bool {
	for _, s := range def.Plan.Steps {
		if s.Fetches && len(s.Needs) == 0 {
			return true
		}
	}
	return false
}

func hexed(b []byte) string { return hex.EncodeToString(b) }
