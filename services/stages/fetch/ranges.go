package fetch

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// part is what an answer has of a file.
type part struct {
	body io.ReadCloser
	// from is where it begins, length how long it is, -1 for unknown, and total
	// how long the file is, 0 for unknown.
	from, length, total int64
}

// whole is the part that an answer with the whole file has.
func whole(resp *http.Response) part {
	return part{body: resp.Body, length: resp.ContentLength, total: max(resp.ContentLength, 0)}
}

// rest is the part that an answer has of which size bytes are here already, or
// why it cannot be used.
func (p *place) rest(resp *http.Response, size int64) (a part, why string) {
	a = part{body: resp.Body, from: size}
	ranges := resp.Header.Values("Content-Range")
	if len(ranges) != 1 {
		return a, "it does not say one range"
	}
	first, last, total, ok := parseRange(ranges[0])
	switch {
	case !ok:
		return a, "the range cannot be read"
	case total >= 0 && p.Total > 0 && total != p.Total:
		return a, "the length is another"
	case !p.Version.repeatedBy(resp.Header):
		return a, "it does not say that the file is the same"
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		if first >= 0 || total != size {
			return a, "there is no rest"
		}
		a.total = total
		return a, ""
	case first != size:
		return a, "it begins elsewhere"
	case encoded(resp.Header):
		return a, "it is encoded"
	}
	if a.total = max(total, p.Total); a.total == 0 {
		return a, "it does not say how long the file is"
	}
	a.length = last - first + 1
	if last >= a.total || resp.ContentLength >= 0 && resp.ContentLength != a.length {
		return a, "the lengths do not agree"
	}
	return a, ""
}

// parseRange reads the header Content-Range (RFC 9110, 14.4). What is not said is
// -1: first and last of "bytes */8", and total of "bytes 2-7/*".
func parseRange(s string) (first, last, total int64, ok bool) {
	unit, s, _ := strings.Cut(s, " ")
	span, length, found := strings.Cut(s, "/")
	if !strings.EqualFold(unit, "bytes") || !found {
		return 0, 0, 0, false
	}
	first, last, total = -1, -1, -1
	if length != "*" {
		if total, ok = parseCount(length); !ok {
			return 0, 0, 0, false
		}
	}
	if span == "*" {
		return first, last, total, total >= 0
	}
	from, to, _ := strings.Cut(span, "-")
	first, fine := parseCount(from)
	last, ok = parseCount(to)
	ok = ok && fine && first <= last && (total < 0 || last < total)
	return first, last, total, ok
}

// parseCount reads digits.
func parseCount(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}
