package pipeline

import (
	"math"
	"regexp"
	"strconv"
)

// Bounds of a checkpoint's interval: below it the records would cost more than
// the work, and above it there might as well be none.
const (
	minCheckpoint = 1 << 20
	maxCheckpoint = 1 << 40
)

var (
	sizeWhole = regexp.MustCompile(`^([0-9]{1,18}) ?(k|M|G|T|Ki|Mi|Gi|Ti)?B?$`)
	sizeUnits = map[string]int64{
		"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
	}
)

// parseSize reads "1048576", "64MiB" or "10 GB". It returns false for anything
// else, and [math.MaxInt64] for what is larger than can be said.
func parseSize(text string) (int64, bool) {
	parts := sizeWhole.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return 0, false
	}
	unit := sizeUnits[parts[2]]
	if n > math.MaxInt64/unit {
		return math.MaxInt64, true
	}
	return n * unit, true
}

// size reads a field that is a number of bytes, 0 when it is missing or wrong.
func (s *section) size(name string, least, most int64) int64 {
	n := s.optional(name)
	if n == nil {
		return 0
	}
	text := n.text
	if n.kind == kindNumber {
		text = n.raw
	}
	v, ok := int64(0), false
	if n.kind == kindText || n.kind == kindNumber {
		v, ok = parseSize(text)
	}
	switch {
	case !ok:
		s.complain(ruleSize, n.at, "write a number and a unit, such as 16MiB or 1GiB", "%s is a size, not %s",
			s.label(name), describe(n))
	case v < least || v > most:
		s.complain(ruleBounds, n.at, "", "%s is from 1MiB to 1TiB, not %s", s.label(name), text)
	default:
		return v
	}
	return 0
}
