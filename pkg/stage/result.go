package stage

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// Limits of a result. A record holds the results of all steps of a job.
const (
	MaxFiles      = 1000
	MaxFindings   = 64
	MaxFindingKey = 64
	MaxFinding    = 1 << 10
	// MaxMediaType is how long a media type may be. It is printable ASCII.
	MaxMediaType = 255
)

// maxSize is the largest number that every JSON reader keeps exact.
const maxSize = 1<<53 - 1

// Check refuses a result that a record cannot hold or that the next stage could
// not read: too many files or findings, ones that are too long, names, digests and
// media types that are none. The fault is stage.bad_result.
func (r Result) Check() error {
	if len(r.Files) > MaxFiles {
		return badResult(fmt.Sprintf("%d files", len(r.Files)), nil)
	}
	if len(r.Findings) > MaxFindings {
		return badResult(fmt.Sprintf("%d findings", len(r.Findings)), nil)
	}
	for i, f := range r.Files {
		if err := checkFile(f); err != nil {
			return badResult(fmt.Sprintf("file %d", i), err)
		}
	}
	for key, value := range r.Findings {
		if key == "" || len(key) > MaxFindingKey || !utf8.ValidString(key) {
			return badResult("finding with key "+fault.Clip(key, MaxFindingKey), nil)
		}
		if len(value) > MaxFinding || !utf8.ValidString(value) {
			return badResult("finding "+key+" is too long or not UTF-8", nil)
		}
	}
	return nil
}

func checkFile(f events.File) error {
	if err := artifact.CheckName(f.Name); err != nil {
		return err
	}
	if err := artifact.CheckDigest(f.Digest); err != nil {
		return err
	}
	if f.Size < 0 || f.Size > maxSize {
		return fmt.Errorf("size %d", f.Size)
	}
	if len(f.MediaType) > MaxMediaType || strings.ContainsFunc(f.MediaType, unprintable) {
		return fmt.Errorf("media type of %d bytes; it is at most %d of printable ASCII", len(f.MediaType), MaxMediaType)
	}
	return nil
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

func badResult(what string, cause error) error {
	return fault.New(fault.StageBadResult, what, cause)
}
