package api

import (
	"encoding/json"
	"slices"

	"github.com/millrace/millrace/pkg/fault"
)

// Params makes a pipeline's parameters from text, as a command line and a URL give
// them. The pipeline's schema decides what a text means: where a property may be a
// string, the text is the string; where it has another type, the text is JSON.
// Without a word in the schema a text stays a string. schema may be empty.
//
// It returns nil for no parameters. Fault: submit.bad_params when a text that
// must be JSON is not.
func Params(schema json.RawMessage, texts map[string]string) (json.RawMessage, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	var s struct {
		Properties map[string]struct {
			Type types `json:"type"`
		} `json:"properties"`
	}
	// A schema that cannot be read says nothing; the pipeline itself checks
	// the parameters against it.
	_ = json.Unmarshal(schema, &s)
	params := make(map[string]any, len(texts))
	for name, text := range texts {
		t := s.Properties[name].Type
		if len(t) == 0 || slices.Contains(t, "string") {
			params[name] = text
			continue
		}
		if !json.Valid([]byte(text)) {
			return nil, fault.New(fault.SubmitBadParams,
				fault.Clip(name+" is a "+t[0]+", not "+text, 300), nil)
		}
		params[name] = json.RawMessage(text)
	}
	data, err := json.Marshal(params)
	if err != nil {
		return nil, fault.New(fault.SubmitBadParams, "", err)
	}
	return data, nil
}

// types is the "type" of a JSON Schema: one name or several.
type types []string

// UnmarshalJSON reads both forms; it takes anything else for no type at all.
func (t *types) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = types{one}
		return nil
	}
	var many []string
	if json.Unmarshal(data, &many) == nil {
		*t = many
	}
	return nil
}
