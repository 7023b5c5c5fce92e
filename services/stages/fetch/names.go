package fetch

import (
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/pkg/fault"
)

// parseURL reads an address that may be fetched. The fault does not show what
// cannot be read, because nobody knows where in it the secrets are.
func parseURL(raw string) (*url.URL, error) {
	bad := func(why string) (*url.URL, error) {
		return nil, fault.New(fault.SubmitBadSource, why, nil)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || strings.ContainsRune(u.Path, 0) {
		return bad("the url cannot be read")
	}
	switch {
	case u.Scheme == "file" && u.Host != "" && u.Host != "localhost":
		return bad("a file url names no host: it starts with file:///")
	case u.Scheme == "file" && u.Path == "":
		return bad("the url names no file")
	case u.Scheme == "file":
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("the url is not a file, http or https address")
	case u.Hostname() == "":
		return bad("the url names no host")
	}
	return u, nil
}

// shown is an address as it may be seen by anyone: without user, query and
// fragment, which may hold secrets.
func shown(u *url.URL) string {
	if u.Scheme == "file" {
		return fault.Clip(u.Path, 200)
	}
	return fault.Clip((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), 200)
}

// lastPart is the file's name in an address.
func lastPart(u *url.URL) string {
	if strings.HasSuffix(u.Path, "/") {
		return ""
	}
	return path.Base(u.Path)
}

// names are the names that were given to files, with how often each was asked for.
type names map[string]int

// unique returns a name that was not given yet: a.txt, a-2.txt, …. Names are
// valid ones of at most 255 bytes, and stay so.
func (n names) unique(name string) string {
	n[name]++
	if n[name] == 1 {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 32 || ext == name {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	for ; ; n[name]++ {
		tail := "-" + strconv.Itoa(n[name]) + ext
		cut := min(len(stem), 255-len(tail))
		for cut < len(stem) && !utf8.RuneStart(stem[cut]) {
			cut--
		}
		candidate := stem[:cut] + tail
		if n[candidate] == 0 {
			n[candidate] = 1
			return candidate
		}
	}
}
