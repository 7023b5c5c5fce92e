package fetch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
)

// stateVersion is that of [state].
const stateVersion = 1

// A state has at most 64 KiB of JSON. 1000 files that are complete take 56 of
// them, and up to [atOnce] that are not 4. What else there is has to fit into the
// rest; these are bytes of JSON.
const (
	roomForTypes = 2 << 10
	roomForTag   = 512
	roomForType  = 256
)

// state is what a later attempt has to know.
type state struct {
	// Open are the sources that are being fetched, in their order.
	Open []place `json:"open,omitempty"`
	// Kept are the files that are complete. Of holds two numbers for each: the
	// source, and 0 for the media type that was submitted, or the place from 1 of
	// the one that the source declared in Types. Of several for one source the last
	// counts.
	Kept  outputs.List `json:"kept,omitempty"`
	Of    []byte       `json:"of,omitempty"`
	Types []string     `json:"types,omitempty"`
	// Check is a digest of the rest. Without it, a state that was damaged, or that
	// another program has written, could put another file in the place of one.
	Check string `json:"check"`
}

// bare is a state as it is encoded.
type bare state

// MarshalJSON returns the state with its check.
func (s *state) MarshalJSON() ([]byte, error) {
	b := bare(*s)
	var err error
	if b.Check, err = b.digest(); err != nil {
		return nil, err
	}
	return json.Marshal(b)
}

// UnmarshalJSON reads a state, and refuses one that is not as it was encoded.
func (s *state) UnmarshalJSON(data []byte) error {
	var b bare
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	if check, err := b.digest(); err != nil || check != b.Check {
		return errors.New("its check does not match")
	}
	*s = state(b)
	return nil
}

func (b bare) digest() (string, error) {
	b.Check = ""
	data, err := json.Marshal(b)
	return short(string(data)), err
}

// place is a source of which a part is in the store. How much of it, its output
// knows.
type place struct {
	Index int `json:"i"`
	// Type is what the source declares, Total how long the file is, 0 for unknown.
	Type  string `json:"y,omitempty"`
	Total int64  `json:"t,omitempty"`
	// The file is recognized by one of these, or not at all when there is none.
	Version  *version  `json:"v,omitempty"`
	Identity *identity `json:"f,omitempty"`
}

// resumable reports whether the file can be recognized.
func (p *place) resumable() bool { return p.Version != nil || p.Identity != nil }

// key is what the run calls the output of a source.
func (p *place) key() string { return strconv.Itoa(p.Index) }

// keep notes the file of a source and reports whether there was room. given says
// that its media type is the one that was submitted.
func (s *state) keep(i int, f events.File, given bool) bool {
	number := 0
	types := s.Types
	if !given && f.MediaType != "" {
		if !slices.Contains(types, f.MediaType) {
			types = append(slices.Clip(types), f.MediaType)
		}
		number = 1 + slices.Index(types, f.MediaType)
	}
	if s.Kept.Len() >= stage.MaxFiles || jsonSize(types) > roomForTypes || s.Kept.Add(f) != nil {
		return false
	}
	s.Types = types
	s.Of = binary.AppendUvarint(s.Of, uint64(i))
	s.Of = binary.AppendUvarint(s.Of, uint64(number))
	return true
}

// kept returns the files that are complete by their source.
func (s *state) kept(sources []wanted) map[int]events.File {
	all := map[int]events.File{}
	of := s.Of
	number := func() uint64 {
		n, size := binary.Uvarint(of)
		of = of[max(size, 0):]
		if size <= 0 {
			return math.MaxUint64
		}
		return n
	}
	for n := range s.Kept.Len() {
		f, _ := s.Kept.File(n)
		i, typ := number(), number()
		if i >= uint64(len(sources)) || typ > uint64(len(s.Types)) || f.Size < 0 {
			break
		}
		f.Name, f.MediaType = sources[i].name, sources[i].MediaType
		if typ > 0 {
			f.MediaType = s.Types[typ-1]
		}
		all[int(i)] = f
	}
	return all
}

// jsonSize is how long v is as JSON.
func jsonSize(v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		return math.MaxInt // strings and lists of them always have a form
	}
	return len(b)
}
