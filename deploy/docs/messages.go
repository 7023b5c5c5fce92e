package main

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// wire is what the schemas of messages say, by file.
type wire struct {
	root fs.FS
	docs map[string]node
}

// writeMessages describes the members of every message, with a heading for each object
// and each list of words.
func writeMessages(root fs.FS, t *text) error {
	names, err := fs.Glob(root, "schemas/*.v1.json")
	if err != nil {
		return err
	}
	w := wire{root, map[string]node{}}
	for _, name := range names {
		if w.docs[path.Base(name)], err = open(root, name); err != nil {
			return err
		}
	}
	t.heading(2, "Messages and their parts")
	t.say("What Millrace sends may get new members; what it takes in is closed, and an unknown member is refused.")
	seen := map[string]string{}
	for _, name := range names {
		file := path.Base(name)
		doc := w.docs[file]
		title := doc.at("title").text()
		sections := []section{{title, doc}}
		for name, def := range doc.at("$defs").entries() {
			sections = append(sections, section{name, def})
		}
		for _, s := range sections {
			if !s.of.at("properties").there() && !s.of.at("enum").there() || s.of.at("$ref").there() {
				continue
			}
			if other := seen[s.title]; other != "" {
				return fmt.Errorf("%s and %s both have %s", other, file, s.title)
			}
			seen[s.title] = file
			if err := w.section(t, file, s); err != nil {
				return fmt.Errorf("%s: %s: %w", file, s.title, err)
			}
		}
	}
	return nil
}

// section is what gets a heading of its own.
type section struct {
	title string
	of    node
}

func (w wire) section(t *text, file string, s section) error {
	t.heading(3, s.title)
	t.say("%s", plain(s.of.at("description").text()))
	if words := s.of.at("enum"); words.there() {
		var rows [][]string
		for _, word := range words.strings() {
			rows = append(rows, []string{quote(word), plain(s.of.at("x-enum-descriptions", word).text())})
		}
		t.table([]string{"word", "meaning: it"}, rows)
		return nil
	}
	rows, err := shape{
		root: w.root, file: "schemas/" + file, doc: w.docs[file],
		elsewhere: func(ref string) string { return w.link(file, ref) },
	}.members(s.of, "")
	if err != nil {
		return err
	}
	t.table(memberHead, rows)
	return nil
}

// link leads from a reference to the heading of what it means. A name or a number has
// none and is shown in its place.
func (w wire) link(from, ref string) string {
	file, pointer, _ := strings.Cut(ref, "#")
	if file == "" {
		file = from
	}
	doc := w.docs[file]
	title, of := doc.at("title").text(), doc
	if pointer == "" && doc.at("$ref").there() {
		pointer = doc.at("$ref").text()[1:]
	}
	if pointer != "" {
		title = path.Base(pointer)
		of = doc.at("$defs", title)
	}
	if !of.at("properties").there() && !of.at("enum").there() {
		return ""
	}
	return fmt.Sprintf("[%s](#%s)", title, anchor(title))
}
