package projector

import (
	"hash/maphash"
	"slices"
)

// labelSeed makes the hashes of labels; they never leave the process.
var labelSeed = maphash.MakeSeed()

// labelSet holds hashes of labels, sorted. Nil means that the labels are not known;
// a job without labels has an empty set.
type labelSet []uint64

func hashLabel(name, value string) uint64 {
	var h maphash.Hash
	h.SetSeed(labelSeed)
	// A hash takes whatever it is given.
	_, _ = h.WriteString(name)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(value)
	return h.Sum64()
}

func newLabelSet(labels map[string]string) labelSet {
	s := make(labelSet, 0, len(labels))
	for name, value := range labels {
		s = append(s, hashLabel(name, value))
	}
	slices.Sort(s)
	return s
}

// has reports whether the set has all the hashes wanted.
func (s labelSet) has(wanted labelSet) bool {
	for _, h := range wanted {
		if _, found := slices.BinarySearch(s, h); !found {
			return false
		}
	}
	return true
}
