package pipeline

import "encoding/json"

// testStages are stages much like those that come with the product.
func testStages() []Stage {
	return []Stage{
		{Name: "fetch", Version: 1, Fetches: true, Config: json.RawMessage(`{
			"type": "object", "additionalProperties": false,
			"properties": {"max_bytes": {"type": "integer", "minimum": 1}}}`)},
		{Name: "identify", Version: 1, Config: json.RawMessage(`{
			"type": "object", "additionalProperties": false,
			"properties": {
				"accept": {"type": "array", "items": {"type": "string"}},
				"mismatch": {"enum": ["fail", "note"]},
				"fail": {"anyOf": [{"required": ["class"]}, {"required": ["code"]}]}}}`)},
		{Name: "hash", Version: 1},
		{Name: "compress", Version: 1, Config: json.RawMessage(`{
			"type": "object", "additionalProperties": false,
			"properties": {"level": {"type": "string", "enum": ["fastest", "default", "better", "best"]}}}`)},
		{Name: "compress", Version: 2, Config: json.RawMessage(`{
			"type": "object", "additionalProperties": false,
			"properties": {"level": {"anyOf": [
				{"type": "integer", "minimum": 1, "maximum": 22},
				{"type": "string", "enum": ["fast", "best"]}]}}}`)},
		{Name: "publish", Version: 1, Compensable: true, Config: json.RawMessage(`{
			"type": "object", "additionalProperties": false, "required": ["path"],
			"properties": {
				"path": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^/]"},
				"overwrite": {"enum": ["never", "always"]},
				"names": {"type": "object", "additionalProperties": {"type": "string"}}}}`)},
		{Name: "command", Version: 1, Config: json.RawMessage(`{
			"type": "object", "additionalProperties": false, "required": ["argv"],
			"properties": {
				"argv": {"type": "array", "minItems": 1, "items": {"type": "string"}},
				"env": {"type": "object", "additionalProperties": {"type": "string"}},
				"max_output": {"type": "integer", "minimum": 1, "maximum": 1000000},
				"ratio": {"type": "number", "exclusiveMinimum": 0}},
			"if": {"properties": {"argv": {"contains": {"const": "sh"}}}},
			"then": {"required": ["env"]}}`)},
		{Name: "broken", Version: 1, Config: json.RawMessage(`{"type": "nonsense"}`)},
	}
}
