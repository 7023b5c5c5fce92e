package pipeline

import (
	"slices"
	"strings"
)

// nearest returns the candidate that name is most likely a misspelling of, or
// "". Of equally near ones it is the first in alphabetical order.
func nearest(name string, candidates []string) string {
	const longest = 64
	if name == "" || len(name) > longest {
		return ""
	}
	sorted := slices.Sorted(slices.Values(candidates))
	best, bestDistance := "", 1+max(1, min(3, len(name)/3))
	plain := squash(name)
	for _, c := range sorted {
		if len(c) > longest {
			continue
		}
		if squash(c) == plain {
			return c
		}
		if d := distance(name, c); d < bestDistance && d < len(c) {
			best, bestDistance = c, d
		}
	}
	return best
}

// squash drops what people write differently: case and separators.
func squash(s string) string { return separators.Replace(strings.ToLower(s)) }

var separators = strings.NewReplacer("_", "", "-", "", " ", "")

// didYouMean turns the nearest candidate into a suggestion.
func didYouMean(name string, candidates []string) string {
	if c := nearest(name, candidates); c != "" {
		return "did you mean " + c + "?"
	}
	return ""
}

// distance counts insertions, deletions, replacements and swaps of neighbours
// between a and b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// oneOf lists choices for a suggestion.
func oneOf(choices []string) string {
	const most = 8
	if len(choices) > most {
		return "one of " + strings.Join(choices[:most], ", ") + ", …"
	}
	if len(choices) == 1 {
		return choices[0]
	}
	return "one of " + strings.Join(choices, ", ")
}
