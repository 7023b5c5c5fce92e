package api

import (
	"net/url"
	"strconv"
)

// written returns a query as it is written in a URL: the texts that are not empty, and
// the limit of the page unless that is zero.
func written(texts map[string]string, limit int) url.Values {
	v := url.Values{}
	for name, text := range texts {
		if text != "" {
			v.Set(name, text)
		}
	}
	if limit != 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	return v
}

// once calls set with every parameter of a query. One that is given several times is
// refused with fault http.bad_request.
func once(v url.Values, set func(name, value string) error) error {
	for name, values := range v {
		if len(values) != 1 {
			return badQuery("%s is given %d times", name, len(values))
		}
		if err := set(name, values[0]); err != nil {
			return err
		}
	}
	return nil
}

// pageLimit reads the limit of a page. Fault: http.bad_request.
func pageLimit(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > MaxLimit {
		return 0, badQuery("limit %q is not a number from 1 to %d", value, MaxLimit)
	}
	return n, nil
}
