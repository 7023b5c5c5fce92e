package jobview

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

// Kinds of marks.
const (
	markLabel = "label"
	markCode  = "code"
	markClass = "class"
)

// mark is the number under which jobs with something are found. Two things may share
// one in theory; what is found is compared before it is shown.
func mark(tenant, kind, name, value string) int64 {
	h := sha256.New()
	for _, part := range []string{tenant, kind, name, value} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		// A hash takes whatever it is given.
		_, _ = h.Write(length[:])
		_, _ = h.Write([]byte(part))
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
}

// marks returns the numbers of everything that a row has.
func (r *row) marks() []int64 {
	var list []int64
	for name, value := range r.job.Labels {
		list = append(list, mark(r.tenant, markLabel, name, value))
	}
	list = append(list, faultMarks(r.tenant, r.faults)...)
	slices.Sort(list)
	return slices.Compact(list)
}

// faultMarks returns the numbers of faults, by code and by class.
func faultMarks(tenant string, faults faultList) []int64 {
	var list []int64
	for _, f := range faults {
		list = append(list, mark(tenant, markCode, f.code, ""), mark(tenant, markClass, f.class, ""))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
