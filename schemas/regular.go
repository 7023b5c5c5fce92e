package schemas

import (
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// The checks of this file answer for messages of a regular [shape]. They may only
// say yes to what the schema allows; where they say no, the schema is asked. The
// fuzz tests hold both against each other.

const maxExact = 1<<53 - 1 // the largest integer that every JSON reader keeps

func regularSubmission(s *events.Submission) bool {
	if len(s.Key) > MaxKeyBytes || hasControl(s.Key) || len(s.Files) == 0 || len(s.Files) > 1000 || s.Rerun != nil {
		return false
	}
	for i := range s.Files {
		if !regularSource(&s.Files[i]) {
			return false
		}
	}
	if len(s.Params) > 0 && s.Params[0] != '{' || len(s.Labels) > 64 {
		return false
	}
	for k, v := range s.Labels {
		if !isLabel(k) || len(v) > 255 {
			return false
		}
	}
	return true
}

func regularSource(s *events.Source) bool {
	given := 0
	if s.URL != "" {
		given++
	}
	if s.Digest != "" {
		given++
	}
	if s.Inline != nil {
		given++
	}
	return given == 1 &&
		(s.URL == "" || isURL(s.URL)) &&
		(s.Digest == "" || isDigest(s.Digest)) &&
		len(s.Inline) <= MaxInlineBytes &&
		(s.Name == "" || isFilename(s.Name)) &&
		isMediaType(s.MediaType) &&
		s.Size >= 0 && s.Size <= maxExact
}

func regularOutcome(o *events.AttemptOutcome) bool {
	if o.Resumed != nil || o.Effect != "" || o.Checkpoints < 0 {
		return false
	}
	switch o.Verdict {
	case events.VerdictSucceeded:
		if o.Fault != nil {
			return false
		}
	case events.VerdictFailed:
		if o.Fault == nil || !regularFault(o.Fault) {
			return false
		}
	default:
		return false
	}
	return events.ValidToken(o.Job) && events.ValidToken(o.Tenant) && events.ValidToken(o.Step) &&
		isStage(o.Stage) && o.Attempt >= 1 && o.Attempt <= 1<<31-1 &&
		len(o.Logic) <= 255 && len(o.Worker) <= 255 &&
		!o.StartedAt.IsZero() && !o.EndedAt.IsZero() &&
		regularFiles(o.Files) && regularFindings(o.Findings)
}

// regularFiles says no to an empty file, because its size may be missing.
func regularFiles(files []events.File) bool {
	if len(files) > 1000 {
		return false
	}
	for i := range files {
		f := &files[i]
		if !isFilename(f.Name) || !isDigest(f.Digest) || !isMediaType(f.MediaType) ||
			f.Size <= 0 || f.Size > maxExact {
			return false
		}
	}
	return true
}

func regularFindings(m map[string]string) bool {
	if len(m) > 64 {
		return false
	}
	for k, v := range m {
		if k == "" || len(k) > 64 || hasControl(k) || len(v) > 1024 {
			return false
		}
	}
	return true
}

func regularFault(f *events.Fault) bool {
	return fault.Class(f.Class).Known() && isCode(f.Code) &&
		len(f.Message) <= 1024 && len(f.Hint) <= 1024 && len(f.Dependency) <= 255 &&
		f.RetryAfterMS >= 0 && f.RetryAfterMS <= 365*24*3600*1000
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

func isFilename(s string) bool {
	if s == "" || len(s) > MaxNameBytes || s == "." || s == ".." || strings.ContainsAny(s, `/\`) || hasControl(s) {
		return false
	}
	for i, r := range s {
		if r >= 0x80 && r <= 0x9f || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return false
		}
	}
	return true
}

func isDigest(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(hex) != 64 {
		return false
	}
	for i := range len(hex) {
		if c := hex[i]; !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isMediaType allows an empty one, which a regular message does not give at all.
func isMediaType(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= 255
}

func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || rest == "" || len(s) > 8192 || strings.Contains(rest, " ") || hasControl(rest) {
		return false
	}
	return scheme == "file" || scheme == "http" || scheme == "https"
}

func isStage(s string) bool {
	name, version, ok := strings.Cut(s, "@")
	if !ok || !events.ValidToken(name) || version == "" || len(version) > 6 || version[0] == '0' {
		return false
	}
	for i := range len(version) {
		if !isDigit(version[i]) {
			return false
		}
	}
	return true
}

func isCode(s string) bool {
	if len(s) > 64 || !strings.Contains(s, ".") {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if !events.ValidToken(part) || strings.Contains(part, "-") {
			return false
		}
	}
	return true
}

func isLabel(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && !isDigit(s[i]) && !strings.ContainsRune("._/-", rune(s[i])) {
			return false
		}
	}
	return true
}
