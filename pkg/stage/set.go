package stage

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// Set is the list of stages that a program offers. It is made once, does not
// change, and is safe for concurrent use. The zero Set is empty.
type Set struct {
	stages []Stage
	refs   []string
}

// NewSet returns the set of the given stages, in that order. A spec that is not
// complete and a reference that two stages share are refused with the fault
// stage.bad_spec.
func NewSet(stages ...Stage) (*Set, error) {
	s := &Set{}
	for _, st := range stages {
		spec := st.Spec()
		if err := spec.Check(); err != nil {
			return nil, err
		}
		if slices.Contains(s.refs, spec.Ref()) {
			return nil, fault.New(fault.StageBadSpec, spec.Ref()+" is listed twice", nil)
		}
		s.stages = append(s.stages, st)
		s.refs = append(s.refs, spec.Ref())
	}
	return s, nil
}

// Find returns the stage that a pipeline calls ref, for example "compress@1".
// The fault is stage.unknown; it says which versions there are.
func (s *Set) Find(ref string) (Stage, error) {
	if i := slices.Index(s.refs, ref); i >= 0 {
		return s.stages[i], nil
	}
	name, _, _ := strings.Cut(ref, "@")
	detail := fault.Clip(ref, 80)
	if versions := s.named(name); len(versions) > 0 {
		detail += " (there is " + strings.Join(versions, ", ") + ")"
	}
	return nil, fault.New(fault.StageUnknown, detail, nil)
}

// Close closes the stages that have something to close: those that are an
// [io.Closer], such as one that keeps idle connections. It is called when no
// stage runs any more, and may be called again.
func (s *Set) Close() error {
	var errs []error
	for _, st := range s.stages {
		if c, ok := st.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// All returns the stages in the order of the list.
func (s *Set) All() []Stage { return slices.Clone(s.stages) }

// Specs returns the descriptions in the order of the list.
func (s *Set) Specs() []Spec {
	specs := make([]Spec, len(s.stages))
	for i, st := range s.stages {
		specs[i] = st.Spec()
	}
	return specs
}

// Only returns the stages that the names ask for, in the order of the list:
// "compress" means every version of it, "compress@1" that one. A name that
// fits none is refused with the fault stage.unknown.
func (s *Set) Only(names ...string) (*Set, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		refs := s.named(name)
		if slices.Contains(s.refs, name) {
			refs = []string{name}
		}
		if len(refs) == 0 {
			return nil, fault.New(fault.StageUnknown, fault.Clip(name, 80), nil)
		}
		for _, ref := range refs {
			wanted[ref] = true
		}
	}
	out := &Set{}
	for i, ref := range s.refs {
		if wanted[ref] {
			out.stages = append(out.stages, s.stages[i])
			out.refs = append(out.refs, ref)
		}
	}
	return out, nil
}

// named returns the references of all versions of a stage.
func (s *Set) named(name string) []string {
	var refs []string
	for _, ref := range s.refs {
		if n, _, _ := strings.Cut(ref, "@"); n == name {
			refs = append(refs, ref)
		}
	}
	return refs
}
