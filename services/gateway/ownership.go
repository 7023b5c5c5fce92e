package gateway

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// A digest authorises nothing: tenants share the store, and whoever knows the digest
// of a file, or guesses it from the file, must not learn whether another has it. A
// tenant has what it has put, which is written down in the store when it does, and
// what one of its jobs has worked on or made, which the job's record says: so that is
// found by naming the job, and nothing is written for the many files that stages
// make. Whoever owns the mill, and everybody while identity is off, has everything.

// keep writes down that the tenant of the request has put a file. It comes before
// the answer, and before any job on the file.
func (x *exchange) keep(digest string) error {
	if x.principal == nil {
		return nil
	}
	return x.g.Store.Grant(x.r.Context(), x.tenant, digest)
}

// has refuses a file that the tenant of the request does not have, as one that is not
// there. job names the job that has it; it may be empty. Faults: artifact.not_found,
// artifact.bad_digest, those of the bus.
func (x *exchange) has(digest, job string) error {
	if err := artifact.CheckDigest(digest); err != nil {
		return err
	}
	if x.principal == nil || x.principal.Owns() {
		return nil
	}
	ctx := x.r.Context()
	if ok, err := x.g.Store.Granted(ctx, x.tenant, digest); ok || err != nil {
		return err
	}
	if job != "" {
		if ok, err := x.jobHas(ctx, job, digest); ok || err != nil {
			return err
		}
	}
	return noArtifact(digest)
}

// jobHas reports whether a job of the tenant has worked on a file or made it.
func (x *exchange) jobHas(ctx context.Context, job, digest string) (bool, error) {
	m, err := x.g.lastRecord(ctx, x.tenant, job)
	if fault.Has(err, fault.JobNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rec, err := decodeRecord(m)
	if err != nil {
		return false, err
	}
	made := func(files []events.File) bool {
		return slices.ContainsFunc(files, func(f events.File) bool { return f.Digest == digest })
	}
	for _, s := range rec.Job.Steps {
		if made(s.Files) {
			return true, nil
		}
	}
	for _, files := range rec.Job.Outputs {
		if made(files) {
			return true, nil
		}
	}
	return slices.ContainsFunc(rec.Job.Files, func(s events.Source) bool { return s.Digest == digest }), nil
}

// hasSources refuses a submission on files that the tenant does not have, as one on
// files that are not there. Faults: submit.unknown_artifact, those of the bus.
func (x *exchange) hasSources(payload []byte) error {
	if x.principal == nil || x.principal.Owns() {
		return nil
	}
	var s events.Submission
	if err := json.Unmarshal(payload, &s); err != nil {
		return invalid("", "it is not a submission")
	}
	for _, f := range s.Files {
		if f.Digest == "" {
			continue
		}
		err := x.has(f.Digest, x.r.Header.Get(api.HeaderFromJob))
		if fault.Has(err, fault.ArtifactNotFound) {
			return fault.New(fault.SubmitUnknownArtifact, f.Digest, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noArtifact is what is said of a file that is not there, whoever asks.
func noArtifact(digest string) error { return fault.New(fault.ArtifactNotFound, digest, nil) }
