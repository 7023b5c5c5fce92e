package main

import (
	"encoding/json"
	"regexp"
	"strings"
)

// isName reports whether a definition has a shape of its own.
func isName(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// property is a key as it is written in a shape.
func property(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return quote(key)
}

// quote writes a string as TypeScript does.
func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil || strings.ContainsAny(s, `'"\`) {
		return string(data)
	}
	return "'" + s + "'"
}

// renamed lets a description that begins with the name in Go begin with the key.
func renamed(description, key string) string {
	first, rest, _ := strings.Cut(description, " ")
	if strings.EqualFold(first, strings.ReplaceAll(key, "_", "")) {
		return key + " " + rest
	}
	return description
}

// comment writes text as a doc comment with the given indentation, in lines of at most
// 100 columns, tabs counted as four.
func comment(b *strings.Builder, indent, text string) {
	if text == "" {
		return
	}
	text = strings.ReplaceAll(text, "*/", "* /")
	width := 100 - len(" * ") - 4*len(indent)
	if len(text) <= width-len("/** ") {
		b.WriteString(indent + "/** " + text + " */\n")
		return
	}
	b.WriteString(indent + "/**\n")
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len(line)+1+len(w) > width {
			b.WriteString(indent + " * " + line + "\n")
			line = ""
		}
		line = strings.TrimLeft(line+" "+w, " ")
	}
	b.WriteString(indent + " * " + line + "\n" + indent + " */\n")
}
