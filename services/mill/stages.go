package mill

import (
	"net/url"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/stages/command"
	"github.com/millrace/millrace/services/stages/compress"
	"github.com/millrace/millrace/services/stages/decompress"
	"github.com/millrace/millrace/services/stages/fetch"
	"github.com/millrace/millrace/services/stages/hash"
	"github.com/millrace/millrace/services/stages/identify"
	"github.com/millrace/millrace/services/stages/publish"
	"github.com/millrace/millrace/services/stages/simulate"
)

// builtIn is the list of stages that this program offers.
func builtIn(c Config) []stage.Stage {
	return []stage.Stage{
		fetch.New(fetch.Options{AllowPaths: c.AllowPaths, AllowPrivateNetworks: c.AllowPrivateNetworks}),
		identify.New(),
		hash.New(),
		compress.New(compress.Options{}),
		decompress.New(),
		publish.New(publish.Options{Dir: c.PublishDir}),
		command.New(command.Options{Allow: c.AllowCommands}),
		simulate.New(),
		simulate.NewEffect(),
	}
}

// Stages describes the built-in stages, for programs that check pipelines without
// running a mill.
func Stages() []stage.Spec {
	set, err := stage.NewSet(builtIn(Config{})...)
	if err != nil {
		return nil
	}
	return set.Specs()
}

// Catalog is what pipelines may use, as the pipeline checker wants to know it.
func Catalog() []pipeline.Stage {
	set, err := stage.NewSet(builtIn(Config{})...)
	if err != nil {
		return nil
	}
	return catalog(set)
}

func catalog(set *stage.Set) []pipeline.Stage {
	all := set.All()
	out := make([]pipeline.Stage, len(all))
	for i, s := range all {
		spec := s.Spec()
		_, undo := s.(stage.Compensator)
		out[i] = pipeline.Stage{
			Name: spec.Name, Version: spec.Version, Summary: spec.Summary, Config: spec.Config,
			Compensable: undo, Fetches: spec.Name == "fetch",
		}
	}
	return out
}

// checkURL refuses local files that no fetch stage of this mill would read. A
// process that fetches nothing itself cannot know, and refuses none.
func (m *Mill) checkURL() func(string) error {
	if m.roles.stages == nil {
		return nil
	}
	if _, err := m.roles.stages.Find("fetch@1"); err != nil {
		return nil
	}
	roots := fetch.NewRoots(m.AllowPaths)
	return func(raw string) error {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "file" {
			return err
		}
		if _, _, ok := roots.Find(u.Path); !ok {
			return fault.New(fault.SubmitPathNotAllowed, fault.Clip(u.Path, 200), nil)
		}
		return nil
	}
}
