package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/openapi"
)

// contentTypeOpenAPI is that of an OpenAPI document, but for the notation.
const contentTypeOpenAPI = "application/openapi"

// OpenAPI returns the OpenAPI 3.1 document of the routes, in YAML. It is the same for
// every gateway of a version; schemas/openapi.yaml is a copy. Fault: internal.bug.
func OpenAPI() ([]byte, error) {
	surface := humago.New(http.NewServeMux(), openapi.Config())
	g := &Gateway{}
	g.register(surface, g.table(), shapes())
	p, err := publish(surface.OpenAPI())()
	if err != nil {
		return nil, err
	}
	return p.yaml.data, nil
}

// published is the document in both notations.
type published struct{ json, yaml notation }

// notation is the document as it is sent.
type notation struct {
	data              []byte
	contentType, etag string
}

// publish returns what writes the document when it is first asked for.
func publish(doc *huma.OpenAPI) func() (*published, error) {
	return sync.OnceValues(func() (*published, error) {
		asJSON, err := json.Marshal(doc)
		if err != nil {
			return nil, fault.New(fault.InternalBug, "encode the OpenAPI document", err)
		}
		asYAML, err := doc.YAML()
		if err != nil {
			return nil, fault.New(fault.InternalBug, "encode the OpenAPI document", err)
		}
		return &published{notationOf(asJSON, "json"), notationOf(asYAML, "yaml")}, nil
	})
}

func notationOf(data []byte, suffix string) notation {
	sum := sha256.Sum256(data)
	return notation{data, contentTypeOpenAPI + "+" + suffix, `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// getDocument answers with the document. It is no secret, and whoever has it asks
// whether it has changed.
func (g *Gateway) getDocument(x *exchange) error {
	p, err := g.document()
	if err != nil {
		return err
	}
	n := p.json
	if path.Ext(x.r.URL.Path) == ".yaml" {
		n = p.yaml
	}
	h := x.w.Header()
	h.Set("ETag", n.etag)
	h.Set("Cache-Control", "public, no-cache")
	if known := x.r.Header.Get("If-None-Match"); known != "" && matches(known, n.etag) {
		x.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return x.send(http.StatusOK, n.contentType, n.data)
}
