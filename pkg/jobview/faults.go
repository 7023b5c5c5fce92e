package jobview

import (
	"cmp"
	"slices"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// faultName is the code of a fault, and its class.
type faultName struct{ code, class string }

// faultList are the faults that a job has to do with now, each once.
type faultList []faultName

func newFaultList(j *events.Job) faultList {
	var list faultList
	for _, f := range flow.Faults(*j) {
		list = append(list, nameFault(f))
	}
	slices.SortFunc(list, func(a, b faultName) int {
		return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.class, b.class))
	})
	return slices.Compact(list)
}

// nameFault returns the name of a fault. Whoever wrote the record, it holds nothing
// that a column of text or a list of names could not.
func nameFault(f *events.Fault) faultName { return faultName{plain(f.Code), plain(f.Class)} }

// plain drops everything from a name that is not part of one.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '.', r == '-':
			return r
		}
		return -1
	}, name)
	return name[:min(len(name), 100)]
}

// String is how the list is stored.
func (l faultList) String() string {
	names := make([]string, len(l))
	for i, f := range l {
		names[i] = f.code + " " + f.class
	}
	return strings.Join(names, "\n")
}

func parseFaults(text string) faultList {
	var list faultList
	for line := range strings.SplitSeq(text, "\n") {
		if code, class, ok := strings.Cut(line, " "); ok {
			list = append(list, faultName{code, class})
		}
	}
	return list
}

// has reports whether the list has a fault of a code and a class. Empty is any.
func (l faultList) has(code, class string) bool {
	return slices.ContainsFunc(l, func(f faultName) bool {
		return (code == "" || f.code == code) && (class == "" || f.class == class)
	})
}
