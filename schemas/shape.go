package schemas

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
)

// shape is what the scanner knows of a Go type: which keys an object has. It lets
// a message that is as every client of ours writes it, a regular one, skip the
// schema: all of its keys are known and spelled exactly, and it has no null, no
// empty string and no string with escapes, so that what is read into the Go value
// is all there is to it. A hand-written check of that value then suffices.
//
// A nil shape takes anything, and calls it regular.
type shape struct {
	fields map[string]*shape // of an object with known keys
	values *shape            // of an object with free keys, or of an array
	opaque bool              // below it everything is taken
	time   bool              // of a time
}

var (
	outcomeShape    = shapeOf(reflect.TypeFor[events.AttemptOutcome]())
	submissionShape = shapeOf(reflect.TypeFor[events.Submission]())
)

// shapeOf derives the shape of a type from its JSON tags.
func shapeOf(t reflect.Type) *shape {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return &shape{opaque: true}
	case t == reflect.TypeFor[time.Time]():
		return &shape{time: true}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return shapeOf(t.Elem())
	case reflect.Slice, reflect.Map:
		return &shape{values: shapeOf(t.Elem())}
	case reflect.Struct:
		s := &shape{fields: map[string]*shape{}}
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			s.fields[name] = shapeOf(f.Type)
		}
		return s
	}
	return &shape{}
}

// key is the shape of the value under a key, and whether the key is known.
func (s *shape) key(key []byte) (below *shape, known bool) {
	switch {
	case s == nil || s.opaque:
		return nil, true
	case s.fields != nil:
		below, known = s.fields[string(key)]
		return below, known
	}
	return s.values, s.values != nil
}

// item is the shape of the items of an array.
func (s *shape) item() *shape {
	if s == nil {
		return nil
	}
	return s.values
}

// plain reports whether a text is one that a regular message may have. A time is
// in UTC and has all its digits; package time asks for less than the schema.
func (s *shape) plain(text []byte) bool {
	if !s.time {
		return len(text) > 0
	}
	return len(text) >= 20 && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
		text[len(text)-1] == 'Z' && !bytes.ContainsRune(text, ',')
}
