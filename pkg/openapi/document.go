package openapi

import (
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/millrace/millrace/events"
)

// Version is that of the API: of what clients may count on, not of the program.
const Version = "1.0.0"

// Where parts are that others refer to.
const (
	schemasRoot = "#/components/schemas/"
	problemRef  = "#/components/responses/Problem"
	tenantRef   = "#/components/parameters/Tenant"
)

// Names of the ways to say who one is.
const (
	keyScheme  = "key"
	oidcScheme = "oidc"
)

// Config is what huma needs to know: a document without routes, and nothing of huma's
// own that would answer requests.
func Config() huma.Config {
	r := huma.NewMapRegistry(schemasRoot, nameOfSchema)
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Millrace", Version: Version,
			Description: "Submit files, follow what becomes of them, and step in. Every GET answers HEAD too. " +
				"Times are RFC 3339 in UTC. Readers must expect members and words that are new to them.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: "/"}},
		Components: &huma.Components{
			Schemas:         r,
			Responses:       map[string]*huma.Response{"Problem": problem(r)},
			Parameters:      map[string]*huma.Param{"Tenant": tenant()},
			SecuritySchemes: schemes(),
		},
	}
	return huma.Config{
		OpenAPI: doc, DefaultFormat: events.ContentTypeJSON,
		Formats: map[string]huma.Format{events.ContentTypeJSON: huma.DefaultJSONFormat},
	}
}

// problem is what every refusal looks like.
func problem(r huma.Registry) *huma.Response {
	c := JSON[events.Problem]().As(events.ContentTypeProblem)
	return &huma.Response{
		Description: "Why it was refused (RFC 9457). The code says what happened, the class what may be done; " +
			"FAULTS.md beside the schemas lists all codes.",
		Headers: map[string]*huma.Param{
			"Retry-After": {Description: "In how many seconds it may succeed.", Schema: Text()},
		},
		Content: map[string]*huma.MediaType{c.mediaType: {Schema: c.schema(r)}},
	}
}

// schemes are the ways to say who one is. OIDC is described as a bearer token: which
// issuer it comes from is a setting of the server, and one document is for all.
func schemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		keyScheme: {
			Type: "http", Scheme: "bearer",
			Description: "An API key. None is needed while identity is off, as in millrace dev.",
		},
		oidcScheme: {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "A token of the OpenID Connect issuer that the server trusts.",
		},
	}
}

// Complete finishes a document to which every route was added: schemas get the words of
// the Go source, and what nothing refers to goes.
func Complete(doc *huma.OpenAPI) {
	all := doc.Components.Schemas.Map()
	for name, s := range all {
		explain(s, doc.Components.Schemas.TypeFromRef(schemasRoot+name))
	}
	asked, answered := reachable(doc)
	for _, name := range slices.Collect(maps.Keys(all)) {
		switch {
		case answered[name]:
			all[name].AdditionalProperties = nil // it may grow
		case !asked[name]:
			delete(all, name)
		}
	}
}

// reachable finds the schemas that bodies of requests and of answers refer to.
func reachable(doc *huma.OpenAPI) (asked, answered map[string]bool) {
	asked, answered = make(map[string]bool), make(map[string]bool)
	all := doc.Components.Schemas.Map()
	for _, item := range doc.Paths {
		for _, op := range operations(item) {
			if op.RequestBody != nil {
				follow(all, asked, op.RequestBody.Content)
			}
			for _, r := range op.Responses {
				follow(all, answered, r.Content)
			}
		}
	}
	for _, r := range doc.Components.Responses {
		follow(all, answered, r.Content)
	}
	return asked, answered
}

func follow(all map[string]*huma.Schema, seen map[string]bool, content map[string]*huma.MediaType) {
	for _, m := range content {
		mark(all, seen, m.Schema)
	}
}

// mark follows every reference from a schema.
func mark(all map[string]*huma.Schema, seen map[string]bool, s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := s.Ref[len(schemasRoot):]
		if !seen[name] {
			seen[name] = true
			mark(all, seen, all[name])
		}
		return
	}
	mark(all, seen, s.Items)
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		mark(all, seen, more)
	}
	for _, p := range s.Properties {
		mark(all, seen, p)
	}
	for _, one := range s.OneOf {
		mark(all, seen, one)
	}
}

// operations lists those of a path.
func operations(p *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{p.Get, p.Put, p.Post, p.Delete, p.Options, p.Head, p.Patch},
		func(op *huma.Operation) bool { return op == nil })
}
