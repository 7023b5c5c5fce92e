// Package identify is the stage that finds out by its content what a file is,
// and compares that with what its submitter and its name say.
package identify

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// headSize is how much of a file is looked at, in bytes: as much as the
// detection uses.
const headSize = 4096

// emptyType is the type of a file without content.
const emptyType = "application/x-empty"

// New returns the stage identify@1.
func New() stage.Stage { return &identifier{spec: spec()} }

type identifier struct{ spec stage.Spec }

func (s *identifier) Spec() stage.Spec { return s.spec }

// Run sets the media type of every file.
func (s *identifier) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	c := config{Mismatch: mismatchNote}
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	out := slices.Clone(files)
	var complaints []string
	for i := range out {
		complaint, err := identify(ctx, t, c, &out[i])
		if err != nil {
			return stage.Result{}, err
		}
		if complaint != "" {
			complaints = append(complaints, complaint)
		}
		t.Progress(int64(i+1), int64(len(out)), "files")
	}
	return stage.Result{Files: out, Findings: findings(out, complaints)}, nil
}

// identify sets the media type of f and returns what contradicts it, if anything.
func identify(ctx context.Context, t *stage.Task, c config, f *events.File) (string, error) {
	found, err := detect(ctx, t, *f)
	if err != nil {
		return "", err
	}
	kind := emptyType
	if found != nil {
		kind = base(found.String())
	}
	if !c.accepts(kind, found) {
		return "", fault.New(fault.IdentifyNotAccepted, about(*f, kind), nil)
	}
	complaint := contradiction(*f, found)
	if complaint != "" && c.Mismatch == mismatchFail {
		return "", fault.New(fault.IdentifyMismatch, about(*f, kind)+", but "+complaint, nil)
	}
	if complaint != "" {
		complaint = about(*f, kind) + ", but " + complaint
	}
	f.MediaType = kind
	return complaint, nil
}

// detect looks at the beginning of f. It returns nil for an empty file.
func detect(ctx context.Context, t *stage.Task, f events.File) (*mimetype.MIME, error) {
	r, err := t.Store.OpenRange(ctx, f.Digest, 0, min(f.Size, headSize))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head, err := io.ReadAll(r)
	if err != nil || len(head) == 0 {
		return nil, err
	}
	return mimetype.Detect(head), nil
}

func about(f events.File, kind string) string {
	return fmt.Sprintf("%s is %s", fault.Clip(f.Name, 80), kind)
}

// findings sums up what was found. Their number does not grow with the files.
func findings(files []events.File, complaints []string) map[string]string {
	kinds := make([]string, len(files))
	for i, f := range files {
		kinds[i] = f.MediaType
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	all := strings.Join(kinds, ",")
	for len(all) > stage.MaxFinding {
		all = all[:strings.LastIndexByte(all, ',')]
	}
	m := map[string]string{
		"media_type":  files[0].MediaType,
		"media_types": all,
		"mismatches":  strconv.Itoa(len(complaints)),
	}
	if len(complaints) > 0 {
		m["mismatch"] = fault.Clip(complaints[0], stage.MaxFinding)
	}
	return m
}
