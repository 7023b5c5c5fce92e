package cli

import (
	"encoding/json"
	"strings"
)

// parseParams makes the parameters object of name=text and name:=json arguments.
// Without arguments it is nil.
func parseParams(args []string) (json.RawMessage, error) {
	if len(args) == 0 {
		return nil, nil
	}
	params := map[string]json.RawMessage{}
	for _, a := range args {
		name, value, err := parseParam(a)
		if err != nil {
			return nil, err
		}
		if _, twice := params[name]; twice {
			return nil, usage("--param %s is given twice", name)
		}
		params[name] = value
	}
	out, err := json.Marshal(params)
	if err != nil {
		return nil, usage("--param: %s", err.Error())
	}
	return out, nil
}

// parseParam splits name=text or name:=json.
func parseParam(arg string) (name string, value json.RawMessage, err error) {
	before, after, found := strings.Cut(arg, "=")
	name, typed := strings.CutSuffix(before, ":")
	if !found || name == "" {
		return "", nil, usage("--param %q is not name=text or name:=json", arg)
	}
	if !typed {
		value, err = json.Marshal(after)
		return name, value, err
	}
	if !json.Valid([]byte(after)) {
		return "", nil, usage("--param %s: the value after := is not JSON; text is given by %s=…", name, name)
	}
	return name, json.RawMessage(after), nil
}

// parseLabels makes the labels of name=text arguments. Without arguments it is nil.
func parseLabels(args []string) (map[string]string, error) {
	var labels map[string]string
	for _, a := range args {
		name, value, found := strings.Cut(a, "=")
		if !found || name == "" {
			return nil, usage("--label %q is not name=text", a)
		}
		if _, twice := labels[name]; twice {
			return nil, usage("--label %s is given twice", name)
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[name] = value
	}
	return labels, nil
}
