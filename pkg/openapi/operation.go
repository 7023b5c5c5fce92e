package openapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// Access says who may use a route while identity is on.
type Access struct {
	// Open lets everybody in, and Known everybody who has proved who they are.
	Open, Known bool
	// Scopes are those of which one is needed otherwise.
	Scopes []string
	// Mill keeps those out who belong to one tenant.
	Mill bool
}

// Route is what the document says of one method of a path.
type Route struct {
	Method, Path, Summary string
	Access                Access
	Shape                 Shape
}

// Add puts a route into a document, and returns huma's word for it.
func Add(doc *huma.OpenAPI, r Route) *huma.Operation {
	schemas := doc.Components.Schemas
	op := &huma.Operation{
		Method: r.Method, Path: r.Path, OperationID: r.Shape.id, Summary: r.Summary,
		Tags: []string{tag(r.Path)}, Parameters: parameters(r), Security: r.Access.security(),
		Responses: responses(schemas, r),
	}
	if r.Access.Mill {
		op.Description = "It is about the whole mill: credentials of one tenant are refused."
	}
	if len(r.Shape.takes) > 0 {
		op.RequestBody = &huma.RequestBody{Required: !r.Shape.bare, Content: contents(schemas, r.Shape.takes)}
	}
	if r.Shape.ends != nil {
		op.Deprecated, op.Description = true, r.Shape.ends.description()
	}
	doc.AddOperation(op)
	return op
}

// security lists what is enough to be let in. Nothing means that everybody is.
func (a Access) security() (list []map[string][]string) {
	if a.Open {
		return nil
	}
	scopes := a.Scopes
	if a.Known {
		scopes = []string{""}
	}
	for _, scope := range scopes {
		needs := []string{}
		if scope != "" {
			needs = append(needs, scope)
		}
		for _, scheme := range []string{keyScheme, oidcScheme} {
			list = append(list, map[string][]string{scheme: needs})
		}
	}
	return list
}

// tag groups routes by what they are about: the first part of the path that is not the
// version.
func tag(path string) string {
	names := strings.FieldsFunc(strings.TrimPrefix(path, "/v1"), func(r rune) bool { return r == '/' || r == ':' })
	if len(names) == 0 || !strings.HasPrefix(path, "/v1/") {
		return "server"
	}
	return names[0]
}

func parameters(r Route) []*huma.Param {
	var list []*huma.Param
	for part := range strings.SplitSeq(r.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			list = append(list, &huma.Param{
				Name: name, In: "path", Required: true, Description: parts[name], Schema: Text(),
			})
		}
	}
	list = append(list, r.Shape.asks...)
	if !r.Access.Open {
		list = append(list, &huma.Param{Ref: tenantRef})
	}
	return list
}

// responses are the answers of a route and the problems to be expected of it.
func responses(schemas huma.Registry, r Route) map[string]*huma.Response {
	all := map[string]*huma.Response{"default": {Ref: problemRef}}
	refuses := slices.Clone(r.Shape.refuses)
	if !r.Access.Open {
		refuses = append(refuses, http.StatusUnauthorized, http.StatusForbidden)
	}
	if strings.Contains(r.Path, "{") {
		refuses = append(refuses, http.StatusNotFound)
	}
	for _, status := range refuses {
		all[strconv.Itoa(status)] = &huma.Response{Ref: problemRef}
	}
	for status, of := range r.Shape.gives {
		answer := &huma.Response{Description: http.StatusText(status), Content: contents(schemas, of)}
		for _, name := range r.Shape.tells {
			if answer.Headers == nil {
				answer.Headers = make(map[string]*huma.Param)
			}
			answer.Headers[name] = &huma.Param{Description: tells[name], Schema: Text()}
		}
		all[strconv.Itoa(status)] = answer
	}
	return all
}

// contents are bodies by media type. Several of one type are alternatives.
func contents(schemas huma.Registry, of []Content) map[string]*huma.MediaType {
	all := make(map[string]*huma.MediaType)
	for _, c := range of {
		s := c.schema(schemas)
		if m := all[c.mediaType]; m != nil {
			if m.Schema.OneOf == nil {
				m.Schema = &huma.Schema{OneOf: []*huma.Schema{m.Schema}}
			}
			m.Schema.OneOf = append(m.Schema.OneOf, s)
			continue
		}
		all[c.mediaType] = &huma.MediaType{Schema: s}
	}
	return all
}

// parts describes the parts of paths.
var parts = map[string]string{
	"digest": "The digest of the content: sha256: and 64 hex digits.",
	"file":   "The name of the file, which changes with its content.",
	"id":     "The id of it, as lists and answers have it.",
	"name":   "The name of it.",
}

// tells describes the headers of answers.
var tells = map[string]string{
	"ETag":                   "What the answer is a version of, for If-Match and If-None-Match.",
	"Location":               "Where what was made is found.",
	"Link":                   `The next page, with rel="next". There is none on the last one.`,
	api.HeaderIdempotencyKey: "The key that the job goes by.",
	api.HeaderReplayed:       "true when the key was used for the same before.",
	"Preference-Applied":     "The wait that was granted.",
	"Content-Range":          "Which bytes these are, of how many.",
	"Repr-Digest":            "The digest of the whole content (RFC 9530).",
	"Upload-Offset":          "How many bytes have arrived.",
	"Upload-Length":          "How many bytes there will be.",
	"Upload-Expires":         "When an upload that is not finished is forgotten.",
	"Millrace-Job":           "The job that the upload has become.",
	"Millrace-Artifact":      "The digest of the file that the upload has become.",
	"Tus-Resumable":          "The version of the protocol: 1.0.0.",
	"Tus-Extension":          "What the server can do beyond the core of tus.",
	"Tus-Max-Size":           "The largest upload in bytes.",
}

func tenant() *huma.Param {
	return header(api.HeaderTenant, "Whose work it is about. Credentials of one tenant need not say it. "+
		"Without identity it is the tenant "+events.DefaultTenant+" if it is absent.")
}
