package openapi

import (
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/millrace/millrace/pkg/api"
)

// Shape says of a route what goes in and what comes out: all that the document tells
// beyond path, method and scope. The zero value says nothing. Its methods return a
// changed copy.
type Shape struct {
	id      string
	takes   []Content
	bare    bool
	asks    []*huma.Param
	gives   map[int][]Content
	tells   []string
	refuses []int
	ends    *Deprecation
}

// Does begins the shape of a route by the name that programs know it by: an operationId,
// which is never given to another.
func Does(id string) Shape { return Shape{id: id} }

// ID is the name of the route for programs. It is empty for the zero value.
func (s Shape) ID() string { return s.id }

// Take says what bodies the route reads.
func (s Shape) Take(of ...Content) Shape {
	s.takes = append(slices.Clip(s.takes), of...)
	return s.Refuse(http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
}

// MayTake says what bodies the route reads that may be left out.
func (s Shape) MayTake(of ...Content) Shape {
	s.bare = true
	return s.Take(of...)
}

// Query says that the route reads a parameter of the query.
func (s Shape) Query(name, description string, of *huma.Schema) Shape {
	return s.ask(&huma.Param{Name: name, In: "query", Description: description, Schema: of})
}

// Header says that the route reads a header.
func (s Shape) Header(name, description string) Shape { return s.ask(header(name, description)) }

func (s Shape) ask(p *huma.Param) Shape {
	s.asks = append(slices.Clip(s.asks), p)
	return s.Refuse(http.StatusBadRequest)
}

// Give says what the route answers with a status: one of these bodies, or none.
func (s Shape) Give(status int, of ...Content) Shape {
	all := map[int][]Content{status: of}
	maps.Copy(all, s.gives)
	s.gives = all
	return s
}

// Tell says which headers come with the answers.
func (s Shape) Tell(headers ...string) Shape {
	s.tells = append(slices.Clip(s.tells), headers...)
	return s
}

// Refuse says which problems are to be expected, by status, besides those that every
// route has.
func (s Shape) Refuse(status ...int) Shape {
	s.refuses = append(slices.Clip(s.refuses), status...)
	return s
}

// Versioned says that the answer has an entity tag.
func (s Shape) Versioned() Shape { return s.Tell("ETag") }

// Cached says that the route answers 304 to who knows the answer.
func (s Shape) Cached() Shape {
	return s.Versioned().ask(header("If-None-Match",
		"The ETag of what is known. If it is still that, the answer is 304.")).Give(http.StatusNotModified)
}

// Conditional says that what is changed may be asked to be as it was read.
func (s Shape) Conditional() Shape {
	return s.Versioned().ask(ifMatch()).Refuse(http.StatusPreconditionFailed)
}

// Guarded says that what is changed must be as it was read.
func (s Shape) Guarded() Shape {
	p := ifMatch()
	p.Required = true
	return s.Versioned().ask(p).Refuse(http.StatusPreconditionFailed, http.StatusPreconditionRequired)
}

// Keyed says that the route does a thing once for a key.
func (s Shape) Keyed() Shape {
	return s.Header(api.HeaderIdempotencyKey, "A string in quotes (RFC 8941), or as it is when there is no "+
		"comma in it; 1 to 255 bytes. The same request with the same key is done once, and what it led to "+
		"is the answer again, for as long as the mill keeps records of it, 30 days unless it is set "+
		"otherwise; another request with the key is refused with 422.").
		Tell(api.HeaderReplayed).Refuse(http.StatusConflict, http.StatusUnprocessableEntity)
}

// Waits says that the route can be asked to answer later.
func (s Shape) Waits() Shape {
	return s.Header("Prefer", "wait=SECONDS answers when there is more to say, or when they are over (RFC 7240).").
		Tell("Preference-Applied")
}

// Paged says that the route answers with one page of a list.
func (s Shape) Paged() Shape {
	size := Count(1, api.MaxLimit)
	size.Default = api.DefaultLimit
	return s.Query("limit", "The size of a page.", size).
		Query("cursor", "The next_cursor of the page before.", Text()).Tell("Link")
}

// Until says that the route will go.
func (s Shape) Until(d Deprecation) Shape {
	s.ends = &d
	return s
}

// Ends returns what was said by [Shape.Until]. Nil means that the route stays.
func (s Shape) Ends() *Deprecation { return s.ends }

// Announce tells whoever uses a route that will go, in the headers of the answer.
func (s Shape) Announce(h http.Header) { s.ends.announce(h) }

func ifMatch() *huma.Param {
	return header("If-Match", "The ETag of what was read. If that is no longer it, the answer is 412.")
}

func header(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: description, Schema: Text()}
}
