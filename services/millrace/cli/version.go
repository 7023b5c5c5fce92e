package cli

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionObject is what version prints under -o json.
type versionObject struct {
	Type     string `json:"type"`
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	// Modified is true when the build had changes that no revision holds.
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *Program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version [flags]",
		Short:   "Print the version of this program.",
		Args:    nothing,
		Example: "millrace version\nmillrace version -o json",
	}
	p.takesOutput(cmd)
	return does(cmd, func(context.Context, []string) error {
		v := buildVersion()
		return p.print(v, func(w io.Writer) error {
			revision := v.Revision
			if revision == "" {
				revision = "unknown"
			}
			if v.Modified {
				revision += " with changes"
			}
			return lines(w, "millrace %s\nrevision %s\n%s %s\n", v.Version, revision, v.Go, v.Platform)
		})
	})
}

// buildVersion reads what the build has left in the program.
func buildVersion() versionObject {
	v := versionObject{
		Type: "version", Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if m := info.Main.Version; m != "" && m != "(devel)" {
		v.Version = m
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
