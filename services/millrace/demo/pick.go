// Package demo runs real files through a real mill, shows what happens, and then
// checks every result against its original.
package demo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// Limits of the sample that is taken when nobody names files.
const (
	sampleFiles = 40
	sampleBytes = 64 << 20
	// scanEntries bounds how many entries of a tree are looked at.
	scanEntries = 200_000
)

// Pick is one file to process.
type Pick struct {
	// Path opens the file, Folder is where its result belongs below the
	// results: the folder of Path relative to where the walk began, "." when
	// there is none.
	Path   string
	Folder string
	Size   int64
}

// Name is the base name of the file.
func (p Pick) Name() string { return filepath.Base(p.Path) }

// Skipped is a file that was left out, and why.
type Skipped struct {
	Path   string
	Reason string
}

// Sample takes regular files below dir: bigger ones first, at most 40 files and
// 64 MiB. Hidden files and folders, empty files and names that no submission may
// have are left out. It returns demo.no_files when nothing remains.
func Sample(dir string) ([]Pick, error) {
	all, _, err := walk(dir, true)
	if err != nil {
		return nil, err
	}
	picks := choose(all, sampleFiles, sampleBytes)
	if len(picks) == 0 {
		return nil, fault.New(fault.DemoNoFiles, "below "+dir, nil)
	}
	return picks, nil
}

// Named takes the named files and everything below the named folders. What
// cannot be processed is reported as skipped; a name that does not exist is
// cli.unreadable.
func Named(paths []string) ([]Pick, []Skipped, error) {
	var picks []Pick
	var skipped []Skipped
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, fault.New(fault.CliUnreadable, "", err)
		}
		switch {
		case info.IsDir():
			below, left, err := walk(path, false)
			if err != nil {
				return nil, nil, err
			}
			picks, skipped = append(picks, below...), append(skipped, left...)
		case !info.Mode().IsRegular():
			skipped = append(skipped, Skipped{path, "not a regular file"})
		case artifact.CheckName(filepath.Base(path)) != nil:
			skipped = append(skipped, Skipped{path, "the name is not allowed"})
		default:
			picks = append(picks, Pick{Path: path, Folder: ".", Size: info.Size()})
		}
	}
	picks = distinct(picks)
	if len(picks) == 0 {
		return nil, skipped, fault.New(fault.DemoNoFiles, "", nil)
	}
	return picks, skipped, nil
}

// walk lists the regular files below dir. As a sample it leaves out what is
// hidden, empty or cannot be read, and looks at a bounded number of entries.
func walk(dir string, sample bool) ([]Pick, []Skipped, error) {
	var picks []Pick
	var skipped []Skipped
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == dir {
				return fault.New(fault.CliUnreadable, "", err)
			}
			skipped = append(skipped, Skipped{path, "cannot be read"})
			return nil
		}
		if seen++; sample && seen > scanEntries {
			return fs.SkipAll
		}
		if hidden(d.Name()) && path != dir && (sample || d.Name() == ".git") {
			return skip(d)
		}
		if d.IsDir() {
			return nil
		}
		p, reason := consider(dir, path, d, sample)
		if reason != "" {
			skipped = append(skipped, Skipped{path, reason})
			return nil
		}
		picks = append(picks, p)
		return nil
	})
	var f *fault.Error
	if err != nil && !errors.As(err, &f) {
		err = fault.New(fault.CliUnreadable, "", err)
	}
	return picks, skipped, err
}

// consider turns one entry of a tree into a pick, or says why not.
func consider(root, path string, d fs.DirEntry, sample bool) (Pick, string) {
	info, err := d.Info()
	switch {
	case err != nil:
		return Pick{}, "cannot be read"
	case !info.Mode().IsRegular():
		return Pick{}, "not a regular file"
	case sample && info.Size() == 0:
		return Pick{}, "empty"
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return Pick{}, "cannot be read"
	}
	for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		if artifact.CheckName(part) != nil {
			return Pick{}, "the name is not allowed"
		}
	}
	return Pick{Path: path, Folder: filepath.Dir(rel), Size: info.Size()}, ""
}

// choose takes files, bigger ones first, as long as both limits hold. A file
// that is too big for what is left is passed over.
func choose(all []Pick, files int, bytes int64) []Pick {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Pick) int {
		if a.Size != b.Size {
			return int(min(max(b.Size-a.Size, -1), 1))
		}
		return strings.Compare(a.Path, b.Path)
	})
	var picks []Pick
	for _, p := range sorted {
		if len(picks) == files {
			break
		}
		if p.Size <= bytes {
			picks = append(picks, p)
			bytes -= p.Size
		}
	}
	return picks
}

// distinct moves later picks whose result would have the place of an earlier one
// into numbered folders.
func distinct(picks []Pick) []Pick {
	taken := map[string]bool{}
	for i, p := range picks {
		folder := p.Folder
		for n := 2; taken[filepath.Join(folder, p.Name())]; n++ {
			folder = filepath.Join(p.Folder, "copy-"+strconv.Itoa(n))
		}
		taken[filepath.Join(folder, p.Name())] = true
		picks[i].Folder = folder
	}
	return picks
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") && name != "." && name != ".." }

func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}
