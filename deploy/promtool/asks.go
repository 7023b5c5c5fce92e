package promtool

import (
	"regexp"
	"slices"
)

// Asked is what an expression of PromQL asks for.
type Asked struct {
	// Metrics are the names of series, Labels those of labels in selectors and in
	// clauses such as by (…).
	Metrics, Labels []string
}

var (
	texts    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)
	ranges   = regexp.MustCompile(`\[[^\]]*\]`)
	selector = regexp.MustCompile(`\{([^}]*)\}`)
	matcher  = regexp.MustCompile(`([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)`)
	clause   = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	word     = regexp.MustCompile(`[a-zA-Z_:][\w:]*`)
	call     = regexp.MustCompile(`[a-zA-Z_]\w*\s*\(`)
	number   = regexp.MustCompile(`\b\d[\w.]*`)
)

// keywords are words of PromQL that are neither functions nor metrics.
var keywords = []string{"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf", "nan"}

// Asks reads what an expression that promtool finds sound asks for. Whatever is not a
// function, a keyword or a number counts as a metric.
func Asks(expr string) Asked {
	var a Asked
	add := func(list *[]string, name string) {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	expr = ranges.ReplaceAllString(texts.ReplaceAllString(expr, ""), "")
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[1], -1) {
			add(&a.Labels, m[1])
		}
	}
	expr = selector.ReplaceAllString(expr, "")
	for _, c := range clause.FindAllStringSubmatch(expr, -1) {
		for _, l := range word.FindAllString(c[1], -1) {
			add(&a.Labels, l)
		}
	}
	expr = clause.ReplaceAllString(expr, "")
	expr = number.ReplaceAllString(call.ReplaceAllString(expr, "("), "")
	for _, w := range word.FindAllString(expr, -1) {
		if !slices.Contains(keywords, w) {
			add(&a.Metrics, w)
		}
	}
	return a
}
