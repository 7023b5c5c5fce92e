package mill

import (
	"net/url"

	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/stages/command"
	"github.com/millrace/millrace/services/stages/publish"
	"github.com/millrace/millrace/services/stages/simulate"
)

// builtIn is the list of stages that this program offers.
func builtIn(c Config) []stage.Stage {
	return []stage.Stage{
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

// checkURL refuses sources that the fetch stage of this process would refuse. A
// process without one cannot know, and refuses none.
func (m *Mill) checkURL() func(string) error {
	return func(raw string) error {
		_, err := url.Parse(raw)
		return err
	}
}
