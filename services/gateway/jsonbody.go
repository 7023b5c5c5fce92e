package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/schemas"
)

// maxJSON is the largest JSON body in bytes.
const maxJSON = schemas.MaxBytes

// mediaType returns the content type of the body without its parameters, in lower
// case, and "" for one that is missing or malformed.
func (x *exchange) mediaType() string {
	t, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// readBody reads a body of at most limit bytes. Faults: http.too_large, http.too_slow,
// http.bad_request.
func (x *exchange) readBody(limit int64) ([]byte, error) {
	if x.body == nil {
		return nil, nil
	}
	tooLarge := func() error {
		return fault.New(fault.HTTPTooLarge, fmt.Sprintf("the limit is %d bytes", limit), nil)
	}
	if x.r.ContentLength > limit {
		return nil, tooLarge()
	}
	data, err := io.ReadAll(io.LimitReader(x.body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, tooLarge()
	}
	return data, nil
}

// fields are the members of a JSON object in their order, undecoded.
type fields struct {
	names  []string
	values map[string]json.RawMessage
}

// readFields takes a JSON object apart. A member that is there twice is refused.
// Fault: submit.invalid.
func readFields(data []byte) (*fields, error) {
	if !utf8.Valid(data) {
		return nil, invalid("", "it is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, notAnObject(err)
	}
	f := &fields{values: make(map[string]json.RawMessage)}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, notAnObject(err)
		}
		name := t.(string) // a key of an object is nothing else
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, notAnObject(err)
		}
		if _, twice := f.values[name]; twice {
			return nil, invalid("/"+name, "the member is there twice")
		}
		f.set(name, value)
	}
	if _, err := d.Token(); err != nil {
		return nil, notAnObject(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, invalid("", "something follows the JSON value")
	}
	return f, nil
}

func (f *fields) set(name string, value json.RawMessage) {
	if _, ok := f.values[name]; !ok {
		f.names = append(f.names, name)
	}
	f.values[name] = value
}

// text takes a string member out. An absent one is "".
func (f *fields) text(name string) (string, error) {
	raw, ok := f.values[name]
	if !ok {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", invalid("/"+name, "it is not a string")
	}
	return s, nil
}

// without encodes the members again, but for one.
func (f *fields) without(omit string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range f.names {
		if name == omit {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, fault.New(fault.InternalBug, "encode a member", err)
		}
		b.Write(key)
		b.WriteByte(':')
		if err := json.Compact(&b, f.values[name]); err != nil {
			return nil, fault.New(fault.InternalBug, "encode a member", err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func notAnObject(err error) error {
	if err == nil || err == io.EOF {
		return invalid("", "it is not a JSON object")
	}
	return invalid("", err.Error())
}

// invalid is a submission that is wrong in one place.
func invalid(pointer, detail string) error {
	detail = fault.Clip(detail, 300)
	return withErrors(fault.SubmitInvalid, detail, []events.ProblemError{
		{Pointer: fault.Clip(pointer, 300), Code: string(fault.SubmitInvalid), Detail: detail},
	})
}
