package deadletter

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/pkg/api"
)

// shown is a letter as people see it, whole or as a line of a list.
func (l *letter) shown(whole bool) api.DeadLetter {
	out := api.DeadLetter{
		ID: l.name(), Revision: l.revision, State: l.mark.State,
		Consumer: l.Consumer, Subject: l.Subject, Stream: l.Stream, Sequence: l.Sequence,
		Code: string(l.Code), Reason: l.Reason, Hint: l.Hint,
		Time: l.Time, Size: l.Size, Cut: l.cut(),
	}
	if d, err := doorOf(l.Subject); err == nil {
		out.Job = d.job
	}
	if l.revision > 0 && l.mark.State != api.DeadOpen {
		out.Done = &api.DeadLetterDone{
			At: l.mark.At, By: l.mark.By, Reason: l.mark.Reason, As: l.mark.As, Job: l.mark.Job,
		}
	}
	if !whole {
		return out
	}
	if out.Done != nil {
		out.Done.Data = l.mark.Data
	}
	out.Headers = masked(l.Headers)
	if isText(l.Data) {
		out.Text = string(l.Data)
	} else {
		out.Data = l.Data
	}
	return out
}

// isText reports whether a payload can be shown as it is.
func isText(data []byte) bool {
	return utf8.Valid(data) && !strings.ContainsFunc(string(data), func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}

// Mask is what is shown in place of a header that looks like a credential.
const Mask = "(masked)"

// masked hides the values of headers that look like credentials, by their name or by
// how they begin.
func masked(headers map[string][]string) map[string][]string {
	out := make(map[string][]string, len(headers))
	for name, values := range headers {
		for _, v := range values {
			if secretName(name) || secretValue(v) {
				v = Mask
			}
			out[name] = append(out[name], v)
		}
	}
	return out
}

// secretWords are parts of the names of headers that hold credentials.
var secretWords = []string{
	"auth", "cookie", "token", "secret", "passw", "apikey", "accesskey", "privatekey",
	"credential", "signature", "session", "jwt",
}

func secretName(name string) bool {
	name = strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(name))
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// secretSchemes begin values that are credentials, whatever the header is called.
var secretSchemes = []string{"bearer ", "basic ", "digest ", "eyj", "-----begin "}

func secretValue(v string) bool {
	v = strings.ToLower(strings.TrimSpace(v))
	for _, scheme := range secretSchemes {
		if strings.HasPrefix(v, scheme) {
			return true
		}
	}
	// An address with a user in it: scheme://user:password@host.
	_, rest, found := strings.Cut(v, "://")
	authority, _, _ := strings.Cut(rest, "/")
	return found && strings.Contains(authority, "@")
}
