package api

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// cursorPrefix is the version of the cursors of [Cursor].
const cursorPrefix = "v1:"

// Cursor returns the cursor of a list that goes on before a place in a log, encoded so
// that nobody takes it for a number to count with.
func Cursor(before uint64) string {
	text := cursorPrefix + strconv.FormatUint(before, 36)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// ParseCursor reads what [Cursor] has written. An empty cursor is the place after
// everything. Fault: http.bad_request.
func ParseCursor(s string) (before uint64, err error) {
	if s == "" {
		return math.MaxUint64, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(s)
	if digits, ok := strings.CutPrefix(string(data), cursorPrefix); err == nil && ok {
		if n, err := strconv.ParseUint(digits, 36, 64); err == nil {
			return n, nil
		}
	}
	return 0, fault.New(fault.HTTPBadRequest, "the cursor is none of this list", nil)
}
