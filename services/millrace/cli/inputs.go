package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// input is one file named on the command line.
type input struct {
	// path of a local file, or stdin, or else a source that the server reads.
	path   string
	stdin  bool
	source events.Source
	name   string
	size   int64
}

// local reports whether the content is uploaded.
func (in input) local() bool { return in.stdin || in.path != "" }

// isURL matches what the server fetches. A one-letter scheme is not one.
var isURL = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+://`)

// inputs finds out what the arguments are, and refuses at once what the server
// would refuse after an upload. name replaces the name of a single file.
func (p *Program) inputs(args []string, name string) ([]input, error) {
	if name != "" {
		if len(args) > 1 {
			return nil, usage("--name is for one file, and there are %d", len(args))
		}
		if err := artifact.CheckName(name); err != nil {
			return nil, err
		}
	}
	var list []input
	stdin := false
	for _, a := range args {
		in, err := p.input(a)
		if err != nil {
			return nil, err
		}
		if in.stdin && stdin {
			return nil, usage("standard input is named twice")
		}
		stdin = stdin || in.stdin
		if name != "" {
			in.name, in.source.Name = name, name
		}
		if in.path != "" {
			if err := artifact.CheckName(in.name); err != nil {
				return nil, err
			}
		}
		list = append(list, in)
	}
	return list, nil
}

func (p *Program) input(arg string) (input, error) {
	switch {
	case arg == "":
		return input{}, usage("a file name is empty")
	case arg == "-":
		return input{stdin: true, name: "stdin"}, nil
	case strings.HasPrefix(arg, "sha256:"):
		if err := artifact.CheckDigest(arg); err != nil {
			return input{}, err
		}
		return input{source: events.Source{Digest: arg}}, nil
	case isURL.MatchString(arg):
		return input{source: events.Source{URL: arg}}, nil
	}
	path := p.absolute(arg)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return input{}, unreadable(err)
	case info.IsDir():
		return input{}, fault.New(fault.CliUnreadable, path+" is a folder", nil)
	}
	return input{path: path, name: filepath.Base(path), size: info.Size()}, nil
}
