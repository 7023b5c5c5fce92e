package main

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// openapi is the document of the HTTP API.
const openapi = "schemas/openapi.yaml"

// operation is one method of one path.
type operation struct {
	method, path string
	of           node
}

func (o operation) heading() string { return o.method + " " + o.path }

// writeHTTP describes every route.
func writeHTTP(root fs.FS, t *text) error {
	doc, err := open(root, openapi)
	if err != nil {
		return err
	}
	t.say("Every route, from [the OpenAPI document](../../../%s), which has the members of the bodies too and which a server "+
		"gives at `/openapi.json`. %s What is promised of all this is in [the promise](../promise.md).",
		openapi, plain(doc.at("info", "description").text()))
	tags, byTag := operations(doc)
	var rows [][]string
	for _, tag := range tags {
		for _, o := range byTag[tag] {
			rows = append(rows, []string{
				fmt.Sprintf("[%s](#%s)", plain(o.heading()), anchor(o.heading())), scope(o.of), plain(o.of.at("summary").text()),
			})
		}
	}
	t.say("A scope is needed only while identity is on.")
	t.table([]string{"route", "scope", "what it does"}, rows)
	writeCommon(t, doc)
	for _, tag := range tags {
		t.heading(2, strings.ToUpper(tag[:1])+tag[1:])
		for _, o := range byTag[tag] {
			writeOperation(t, doc, o)
		}
	}
	return nil
}

// operations lists the operations of each tag, both in the order of the paths.
func operations(doc node) (tags []string, byTag map[string][]operation) {
	byTag = map[string][]operation{}
	for path, item := range doc.at("paths").entries() {
		for method, of := range item.entries() {
			tag := of.at("tags").items()[0].text()
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
			byTag[tag] = append(byTag[tag], operation{strings.ToUpper(method), path, of})
		}
	}
	return tags, byTag
}

// scope says who may use a route.
func scope(of node) string {
	var scopes []string
	for _, one := range of.at("security").items() {
		for _, needs := range one.entries() {
			name := quotes(needs.strings())
			if name == "" {
				name = "anyone known"
			}
			if !slices.Contains(scopes, name) {
				scopes = append(scopes, name)
			}
		}
	}
	if scopes == nil {
		return "open"
	}
	return strings.Join(scopes, " or ")
}

// writeCommon says what holds for all routes.
func writeCommon(t *text, doc node) {
	t.heading(2, "All routes")
	problem := doc.at("components", "responses", "Problem")
	tenant := doc.at("components", "parameters", "Tenant")
	t.say("A refusal is a [Problem](events.md#problem) of the type `application/problem+json`. %s", plain(problem.at("description").text()))
	rows := [][]string{{quote(tenant.at("name").text()), "request", plain(tenant.at("description").text())}}
	for name, h := range problem.at("headers").entries() {
		rows = append(rows, []string{quote(name), "refusal", plain(h.at("description").text())})
	}
	t.table([]string{"header", "of", "meaning"}, rows)
}

func writeOperation(t *text, doc node, o operation) {
	t.heading(3, o.heading())
	t.say("%s Scope: %s.", plain(o.of.at("summary").text()+" "+o.of.at("description").text()), scope(o.of))
	s := shape{doc: doc}
	var rows [][]string
	for _, p := range o.of.at("parameters").items() {
		if p.at("$ref").there() {
			continue // it is the tenant, which all have
		}
		rows = append(rows, []string{
			quote(p.at("name").text()), p.at("in").text(), s.kind(p.at("schema"), p.at("schema")), plain(p.at("description").text()),
		})
	}
	for media, c := range o.of.at("requestBody", "content").entries() {
		rows = append(rows, []string{body(media, c), "body", "", ""})
	}
	t.table([]string{"takes", "in", "type", "meaning"}, rows)
	t.table([]string{"answers", "with", "headers"}, answers(o.of))
}

// answers lists the answers of an operation: each good one, and the statuses of refusals
// in one row.
func answers(of node) [][]string {
	var rows [][]string
	var refused []string
	for status, a := range of.at("responses").entries() {
		if a.at("$ref").there() {
			refused = append(refused, status)
			continue
		}
		var bodies, headers []string
		for media, c := range a.at("content").entries() {
			bodies = append(bodies, body(media, c))
		}
		for name := range a.at("headers").entries() {
			headers = append(headers, name)
		}
		rows = append(rows, []string{status + " " + a.at("description").text(), strings.Join(bodies, ", "), quotes(headers)})
	}
	if i := slices.Index(refused, "default"); i >= 0 {
		refused[i] = "others"
	}
	return append(rows, []string{strings.Join(refused, ", "), "a problem", ""})
}

// body names what a body is, by its media type and the schema of its content.
func body(media string, content node) string {
	var names []string
	for _, one := range append(content.at("schema", "oneOf").items(), content.at("schema")) {
		if ref := one.at("$ref").text(); ref != "" {
			names = append(names, ref[strings.LastIndexByte(ref, '/')+1:])
		}
	}
	if names == nil {
		return quote(media)
	}
	return strings.Join(names, " or ") + " as " + quote(media)
}
