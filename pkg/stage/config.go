package stage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// Checker is implemented by configurations that have rules a JSON Schema cannot
// state. [Task.Config] calls it last.
type Checker interface {
	// Check says what is wrong with the configuration.
	Check() error
}

// Config decodes the configuration of the step into v, a pointer to a struct.
// It is strict: an unknown, repeated or differently spelt field, a wrong type
// and anything after the object are refused. Without a configuration v stays
// as it is, so that defaults are what v holds before the call. When v is a
// [Checker], its Check is called last.
//
// The fault is stage.bad_config, or the one that Check returns.
func (t *Task) Config(v any) error {
	if raw := bytes.TrimSpace(t.RawConfig); len(raw) > 0 && string(raw) != "null" {
		if err := decodeStrict(raw, v); err != nil {
			return fault.New(fault.StageBadConfig, "", err)
		}
	}
	c, ok := v.(Checker)
	if !ok {
		return nil
	}
	err := c.Check()
	var classified *fault.Error
	if err == nil || errors.As(err, &classified) {
		return err
	}
	return fault.New(fault.StageBadConfig, "", err)
}

func decodeStrict(raw []byte, v any) error {
	if err := checkKeys(raw, v); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return plainer(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

// checkKeys refuses what encoding/json lets pass: anything but an object, a key
// that is repeated, and one that differs from a field in upper and lower case.
func checkKeys(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if tok, err := d.Token(); err != nil {
		return err
	} else if tok != json.Delim('{') {
		return errors.New("the configuration is not an object")
	}
	known := fieldNames(v)
	seen := map[string]bool{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string) // keys of objects are strings
		switch {
		case seen[key]:
			return fmt.Errorf("%q is given twice", fault.Clip(key, 64))
		case known != nil && !known[key]:
			return fmt.Errorf("there is no %q", fault.Clip(key, 64))
		}
		seen[key] = true
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return err
		}
	}
	return nil
}

// fieldNames returns the JSON names of the fields of *v, nil when that is not a struct.
func fieldNames(v any) map[string]bool {
	typ := reflect.TypeOf(v)
	if typ == nil || typ.Kind() != reflect.Pointer || typ.Elem().Kind() != reflect.Struct {
		return nil
	}
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(typ.Elem()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		names[name] = f.IsExported() && name != "-"
	}
	return names
}

// plainer says a type error in the words of the pipeline file.
func plainer(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return fmt.Errorf("%q cannot be a %s", wrong.Field, wrong.Value)
	}
	return err
}
