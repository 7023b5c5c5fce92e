package artifact

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/pkg/fault"
)

// maxName is the longest name of a file, in bytes: what common file systems take.
const maxName = 255

// noName is the name of a file that has none left after cleaning.
const noName = "file"

// CheckName reports whether name may be the name of a file: 1 to 255 bytes of
// UTF-8 without slash, backslash, control or line-breaking characters, and not
// "." or "..". The fault is submit.bad_name; it shows the name cut and quoted.
func CheckName(name string) error {
	why := ""
	switch {
	case name == "":
		why = "the name is empty"
	case len(name) > maxName:
		why = "the name is longer than 255 bytes"
	case !utf8.ValidString(name):
		why = "the name is not UTF-8"
	case name == "." || name == "..":
		why = "the name is a folder"
	case strings.ContainsAny(name, `/\`):
		why = "the name contains a slash or backslash"
	case strings.ContainsFunc(name, breaksLine):
		why = "the name contains a control character"
	default:
		return nil
	}
	return fault.New(fault.SubmitBadName, why+": "+quoted(name), nil)
}

// CleanName makes a valid name of any string, for example of the last part of
// a URL: what [CheckName] refuses is replaced by "_", what is too long is cut
// at the end of the stem so that a short extension stays. It returns "file" when nothing
// is left, and a valid name unchanged.
func CleanName(raw string) string {
	if CheckName(raw) == nil {
		return raw
	}
	name := strings.ToValidUTF8(raw, "_")
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || breaksLine(r) {
			return '_'
		}
		return r
	}, name)
	name = cutName(name)
	if strings.Trim(name, "._ ") == "" {
		return noName
	}
	return name
}

// cutName shortens name to maxName bytes at a character; an extension of at
// most 16 bytes stays.
func cutName(name string) string {
	if len(name) <= maxName {
		return name
	}
	ext := ""
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 16 {
		ext = name[i:]
	}
	n := maxName - len(ext)
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n] + ext
}

// breaksLine reports whether r could forge a line in a log or a listing.
func breaksLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// quoted shows a name that nobody may trust.
func quoted(name string) string {
	return strconv.Quote(fault.Clip(name, 64))
}
