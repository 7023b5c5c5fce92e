package stagetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/pkg/fault"
)

// rubbish returns a log whose newest state is of the right version and makes no
// sense: as of a stage that has changed what it remembers and not the version, or
// of somebody with bad intentions. n counts from 0; the first 8 are of all kinds.
func (r *rehearsal) rubbish(left chain, n int) (what string, log [][]byte) {
	c := append(chain(nil), left...)
	newest := &c[len(c)-1]
	if n < len(whole) {
		newest.State = json.RawMessage(whole[n])
	} else {
		var state any
		if json.Unmarshal(newest.State, &state) != nil {
			state = nil
		}
		newest.State, _ = json.Marshal(r.distort(state, 1+n%3)) // of what was read as JSON: cannot fail
	}
	what = "with the state " + fault.Clip(string(newest.State), 200)
	return what, c.sealed()
}

// whole are states that look like nobody's.
var whole = []string{
	`{}`, `[]`, `null`, `"rubbish"`, `{"no_such_field":[1,{"a":"b"}]}`,
}

// distort changes a state so that a stage can notice: 1 makes its numbers
// impossible, 2 its texts too, and 3 its lists empty. Numbers and texts are
// changed all at once, because there are some of which a stage can tell nothing,
// such as what it has counted.
func (r *rehearsal) distort(v any, kind int) any {
	switch v := v.(type) {
	case float64:
		if kind < 3 {
			return []any{-1, -1 << 62, 1 << 62, json.Number("1e300")}[r.rnd.IntN(4)]
		}
	case string:
		if kind == 2 {
			return fmt.Sprintf("rubbish-%x", r.rnd.Uint64())
		}
	case []any:
		if kind == 3 {
			return nil
		}
		for i := range v {
			v[i] = r.distort(v[i], kind)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			v[key] = r.distort(v[key], kind)
		}
	}
	return v
}
