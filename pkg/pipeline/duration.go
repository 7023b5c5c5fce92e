package pipeline

import (
	"math"
	"regexp"
	"strconv"
	"time"
)

// Bounds of every duration in a pipeline file.
const (
	minDuration = time.Millisecond
	maxDuration = 7 * 24 * time.Hour
)

var (
	durationWhole = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$`)
	durationPart  = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)`)
	durationUnits = map[string]time.Duration{
		"ms": time.Millisecond,
		"s":  time.Second,
		"m":  time.Minute,
		"h":  time.Hour,
		"d":  24 * time.Hour,
	}
)

// parseDuration reads "500ms", "30s", "1h30m", "7d". It returns false for anything
// else, and [math.MaxInt64] for what is longer than can be said.
func parseDuration(text string) (time.Duration, bool) {
	if len(text) > 64 || !durationWhole.MatchString(text) {
		return 0, false
	}
	total := 0.0
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		count, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, false
		}
		total += count * float64(durationUnits[part[2]])
	}
	if total >= math.MaxInt64 {
		return math.MaxInt64, true
	}
	return time.Duration(math.Round(total)), true
}

// duration reads a duration field, 0 when it is missing or wrong.
func (s *section) duration(name string) time.Duration {
	n := s.optional(name)
	if n == nil {
		return 0
	}
	d, ok := time.Duration(0), false
	if n.kind == kindText {
		d, ok = parseDuration(n.text)
	}
	switch {
	case !ok:
		s.complain(ruleDuration, n.at, durationHint(n), "%s is a duration, not %s", s.label(name),
			describe(n))
	case d < minDuration || d > maxDuration:
		s.complain(ruleBounds, n.at, "", "%s is from 1ms to 7d, not %s", s.label(name), n.text)
	default:
		return d
	}
	return 0
}

func durationHint(n *node) string {
	if n.kind == kindNumber {
		return "add a unit: " + n.raw + "s"
	}
	return "write a number and a unit, such as 30s or 10m"
}
