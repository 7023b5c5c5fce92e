package fetch

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// wanted is a source with the name its file gets and, unless empty, the digest
// it must have.
type wanted struct {
	events.Source
	url    *url.URL // nil unless the source is an address
	name   string
	digest string
}

// wantedOf names the sources.
func wantedOf(sources []events.Source, expect map[string]string) ([]wanted, error) {
	all := make([]wanted, len(sources))
	taken := names{}
	matched := 0
	for i, src := range sources {
		w := wanted{Source: src}
		raw := src.Name
		if src.URL != "" {
			u, err := parseURL(src.URL)
			if err != nil {
				return nil, about(i, len(sources), err)
			}
			if w.url = u; raw == "" {
				raw = lastPart(u)
			}
		}
		w.name = taken.unique(artifact.CleanName(raw))
		if w.digest = expect[w.name]; w.digest != "" {
			matched++
		}
		all[i] = w
	}
	if matched < len(expect) {
		return nil, fault.New(fault.FetchMismatch, "expect names a file that no source gives", nil)
	}
	return all, nil
}

// check reports a file that is not the one that is wanted.
func (w *wanted) check(f events.File) error {
	switch {
	case w.digest != "" && f.Digest != w.digest:
		return fault.New(fault.FetchMismatch, fault.Clip(w.name, 80)+" has "+f.Digest+" and not "+w.digest, nil)
	case w.Size > 0 && f.Size != w.Size:
		return fault.New(fault.FetchMismatch, fault.Clip(w.name, 80)+" has "+
			strconv.FormatInt(f.Size, 10)+" bytes and not "+strconv.FormatInt(w.Size, 10), nil)
	}
	return nil
}

// options are those of the source's content, which declares its type.
func (w *wanted) options(declared string) *artifact.PutOptions {
	o := &artifact.PutOptions{Name: w.name, MediaType: w.MediaType}
	if o.MediaType == "" {
		o.MediaType = declared
	}
	return o
}

// about says which of several sources an error is about.
func about(i, n int, err error) error {
	if n == 1 {
		return err
	}
	f := *fault.From(err)
	f.Detail = strings.TrimSuffix("source "+strconv.Itoa(i+1)+": "+f.Detail, ": ")
	return &f
}
