package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/events"
)

// compare holds the world against what the jobs say of it: objects, files and calls
// are there when the job says so, and not otherwise.
func (h *hall) compare(ctx context.Context, f *figures, done map[string]*verdict) error {
	objects, err := h.s3.Objects(ctx, bucket)
	if err != nil {
		return err
	}
	uploads, err := h.s3.Uploads(ctx, bucket)
	if err != nil {
		return err
	}
	if len(uploads) > 0 {
		f.violate("unfinished uploads are left: %v", uploads)
	}
	files, err := tree(h.published)
	if err != nil {
		return err
	}
	for n, o := range h.plan.jobs {
		id := events.JobID(events.DefaultTenant, jobKey(n))
		v := done[id]
		if v == nil {
			f.violate("job %d (%s) has not come to an end", n, id)
			continue
		}
		if !o.line.may(v.job.State, o.cancel) {
			f.violate("job %d (%s, %s) ended as %s: %+v", n, id, o.line.name, v.job.State, v.job.Fault)
		}
		h.fetched(f, n, v)
		h.left(f, v, o.line.s3, objects)
		h.left(f, v, o.line.folder, files)
		h.called(f, v, o.line.honest, h.honest)
		h.called(f, v, o.line.plain, h.plain)
	}
	for name := range objects {
		f.violate("object %s belongs to nobody", name)
	}
	for name := range files {
		f.violate("file %s belongs to nobody", name)
	}
	return nil
}

// fetched wants the file that was fetched to be the one that was served.
func (h *hall) fetched(f *figures, n int, v *verdict) {
	st := v.job.Steps["fetch"]
	if st.State != events.StepSucceeded {
		return
	}
	if len(st.Files) != 1 || st.Files[0].Digest != digestOf(content(n)) {
		f.violate("job %d fetched %+v", n, st.Files)
	}
}

// left wants what a step published to be there when it is to stay, whole, and takes
// it out of what is there. What nobody claims is left in it.
func (h *hall) left(f *figures, v *verdict, step string, there map[string]string) {
	if step == "" || !stays(v.job.State) {
		return
	}
	for _, file := range v.job.Steps[step].Files {
		name := v.job.ID + "/" + file.Name
		if there[name] != file.Digest {
			f.violate("job %s is %s, and %s is %q", v.job.ID, v.job.State, name, there[name])
		}
		f.published++
		delete(there, name)
	}
}

// called wants a call to have been made once when the job says so, and otherwise to
// have been taken back as often as it was made. It may be otherwise only where an
// outcome said that nobody can tell.
func (h *hall) called(f *figures, v *verdict, step string, s *service) {
	if step == "" {
		return
	}
	made, back := s.count(events.EffectID(v.job.Tenant, v.job.ID, step, "call"))
	f.effects += made
	f.takenBack += back
	wrong := ""
	switch {
	case made > 1:
		wrong = "was made more than once"
	case back > 1:
		wrong = "was taken back more than once"
	case stays(v.job.State) && (made != 1 || back != 0):
		wrong = "is not there"
	case !stays(v.job.State) && made != back:
		wrong = "is not taken back"
	}
	switch {
	case wrong == "":
	case v.unknown[step]:
		f.unlike[wrong]++
	default:
		f.violate("job %s is %s, and its effect %s (made %d times, taken back %d times)", v.job.ID, v.job.State, wrong, made, back)
	}
}

// tree returns the digests of the files below dir by their paths.
func tree(dir string) (map[string]string, error) {
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = digestOf(content)
		return err
	})
	return found, err
}
