package jobview

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// place is where a job stands in an order of the list: by value, and where that is
// the same, by ord.
type place struct{ value, ord int64 }

// before reports whether a comes before b in an order from high to low.
func (a place) before(b place) bool {
	return a.value > b.value || a.value == b.value && a.ord > b.ord
}

// cursorPrefix begins what a cursor encodes. It is encoded so that nobody takes it
// for numbers to count with.
const cursorPrefix = "v2"

func formatCursor(sort api.JobSort, at place) string {
	text := strings.Join([]string{
		cursorPrefix, string(sort), strconv.FormatInt(at.value, 36), strconv.FormatInt(at.ord, 36),
	}, ":")
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// parseCursor reads a cursor of an order. Fault: http.bad_request.
func parseCursor(sort api.JobSort, cursor string) (place, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	parts := strings.Split(string(data), ":")
	if err == nil && len(parts) == 4 && parts[0] == cursorPrefix && parts[1] == string(sort) {
		value, err1 := strconv.ParseInt(parts[2], 36, 64)
		ord, err2 := strconv.ParseInt(parts[3], 36, 64)
		if err1 == nil && err2 == nil && value >= 0 && ord >= 0 {
			return place{value, ord}, nil
		}
	}
	return place{}, fault.New(fault.HTTPBadRequest, "the cursor is none of this list in this order", nil)
}
