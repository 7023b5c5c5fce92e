package pipeline

import (
	"fmt"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// mostSources is how many files a submission may have.
const mostSources = 1000

// input is how many files a job works on. Zero means that the file does not say.
type input struct{ least, most int }

// input reads spec.input.
func (c *checker) input(spec *section) input {
	n := spec.optional("input")
	if n == nil {
		return input{}
	}
	in := c.section(n, "input", "files")
	if in == nil || in.optional("files") == nil {
		return input{}
	}
	files := c.section(in.optional("files"), "files of input", "min", "max")
	if files == nil {
		return input{}
	}
	var out input
	out.least, _ = files.whole(files.optional("min"), "min", 1, mostSources)
	out.most, _ = files.whole(files.optional("max"), "max", 1, mostSources)
	if out.most != 0 && out.least > out.most {
		c.complain(ruleInput, files.node.keyAt("min"), "", "min is %d, more than max, which is %d",
			out.least, out.most)
	}
	return out
}

// CheckFiles complains about files that a job of this pipeline cannot work on:
// too few, too many, or given by URL although no step fetches. The pointers lead
// into a submission; the codes are submit.no_files, submit.file_count and
// submit.needs_fetch.
func (d *Definition) CheckFiles(files []events.Source) []events.ProblemError {
	var out []events.ProblemError
	add := func(pointer string, code fault.Code, format string, args ...any) {
		out = append(out, events.ProblemError{
			Pointer: pointer,
			Code:    string(code),
			Detail:  fmt.Sprintf(format, args...),
			Hint:    code.Info().Hint,
		})
	}
	n := len(files)
	switch {
	case n == 0:
		add("/files", fault.SubmitNoFiles, "there is no file")
	case n < d.input.least:
		add("/files", fault.SubmitFileCount, "the pipeline takes at least %d files, not %d",
			d.input.least, n)
	case d.input.most > 0 && n > d.input.most:
		add("/files", fault.SubmitFileCount, "the pipeline takes at most %d files, not %d", d.input.most,
			n)
	}
	if d.fetches() {
		return out
	}
	for i, f := range files {
		if f.URL != "" {
			add(fmt.Sprintf("/files/%d/url", i), fault.SubmitNeedsFetch, "no step of the pipeline fetches")
		}
	}
	return out
}

// fetches reports whether a step gets the job's sources.
func (d *Definition) fetches() bool {
	for i := range d.Plan.Steps {
		if d.Plan.Steps[i].Fetches && len(d.Plan.Steps[i].Needs) == 0 {
			return true
		}
	}
	return false
}
