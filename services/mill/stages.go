package mill

import (
	"net/url"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/stages/command"
	"github.com/millrace/millrace/services/stages/compress"
	"github.com/millrace/millrace/services/stages/csvparquet"
	"github.com/millrace/millrace/services/stages/decompress"
	"github.com/millrace/millrace/services/stages/decrypt"
	"github.com/millrace/millrace/services/stages/encrypt"
	"github.com/millrace/millrace/services/stages/fetch"
	"github.com/millrace/millrace/services/stages/hash"
	"github.com/millrace/millrace/services/stages/httpcall"
	"github.com/millrace/millrace/services/stages/identify"
	"github.com/millrace/millrace/services/stages/publish"
	"github.com/millrace/millrace/services/stages/publishs3"
	"github.com/millrace/millrace/services/stages/simulate"
)

// keys are what the stages that encrypt and decrypt need to know.
type keys struct {
	secret     encrypt.Secret
	identities []age.Identity
}

// openKeys reads the files with the keys, and makes the one that is the mill's
// own.
func (c Config) openKeys() (k keys, err error) {
	if err := os.MkdirAll(filepath.Dir(c.EncryptSecretFile), 0o700); err != nil {
		return k, fault.New(fault.MillStartFailed, "make a folder", err)
	}
	if k.secret, err = encrypt.OpenSecret(c.EncryptSecretFile); err != nil {
		return k, err
	}
	for _, path := range c.IdentityFiles {
		more, err := seal.ReadIdentities(path)
		if err != nil {
			return k, err
		}
		k.identities = append(k.identities, more...)
	}
	return k, nil
}

// builtIn is the list of stages that this program offers.
func builtIn(c Config, k keys) []stage.Stage {
	return []stage.Stage{
		fetch.New(fetch.Options{
			AllowPaths: c.AllowPaths, AllowPrivateNetworks: c.AllowPrivateNetworks, Breakers: c.Breakers,
		}),
		identify.New(),
		hash.New(),
		compress.New(compress.Options{}),
		decompress.New(),
		encrypt.New(encrypt.Options{Secret: k.secret}),
		decrypt.New(decrypt.Options{Identities: k.identities}),
		csvparquet.New(),
		publish.New(publish.Options{Dir: c.PublishDir}),
		publishs3.New(publishs3.Options{Endpoints: c.S3, Breakers: c.Breakers}),
		httpcall.New(httpcall.Options{AllowPrivateNetworks: c.AllowPrivateNetworks, Breakers: c.Breakers}),
		command.New(command.Options{Allow: c.AllowCommands}),
		simulate.New(),
		simulate.NewEffect(),
	}
}

// Stages describes the built-in stages, for programs that check pipelines without
// running a mill.
func Stages() []stage.Spec {
	set, err := stage.NewSet(builtIn(Config{}, keys{})...)
	if err != nil {
		return nil
	}
	return set.Specs()
}

// Catalog is what pipelines may use, as the pipeline checker wants to know it.
func Catalog() []pipeline.Stage {
	set, err := stage.NewSet(builtIn(Config{}, keys{})...)
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
			Compensable: undo, UndoKey: spec.UndoKey, Fetches: spec.Name == "fetch",
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
