package artifact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"a": true, "report.pdf": true, ".hidden": true, "...": true, "a b": true, " ": true,
		"-rf": true, "Übergröße.csv": true, "日本語.txt": true, "c:x": true, "~": true,
		strings.Repeat("a", 255): true,

		"": false, ".": false, "..": false, "/": false, "a/b": false, "../../etc/passwd": false,
		`a\b`: false, `..\x`: false, "a\nb": false, "a\x00": false, "a\x7f": false, "a\u0085": false,
		"a\u2028b": false, "\xff": false, "a\xc3": false,
		strings.Repeat("a", 256): false, strings.Repeat("ä", 128): false,
	} {
		err := artifact.CheckName(name)
		if (err == nil) != ok {
			t.Errorf("CheckName(%q) = %v", name, err)
		}
		if err != nil && !fault.Has(err, fault.SubmitBadName) {
			t.Errorf("CheckName(%q) = %v, want code submit.bad_name", name, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r\x00\u2028") {
			t.Errorf("CheckName(%q) shows the name raw: %q", name, err)
		}
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	ae := strings.Repeat("ä", 200)
	for raw, want := range map[string]string{
		"report.pdf":                         "report.pdf",
		"":                                   "file",
		".":                                  "file",
		"..":                                 "file",
		"/":                                  "file",
		`\/\/`:                               "file",
		"\x00\x01":                           "file",
		"a/b":                                "a_b",
		"../../etc/passwd":                   ".._.._etc_passwd",
		"a\r\nb":                             "a__b",
		"\xff\xfea":                          "_a",
		"a\u2029b.txt":                       "a_b.txt",
		strings.Repeat("a", 4096):            strings.Repeat("a", 255),
		strings.Repeat("a", 300) + ".tar.gz": strings.Repeat("a", 252) + ".gz",
		ae + ".csv":                          strings.Repeat("ä", 125) + ".csv",
		ae + "." + ae:                        strings.Repeat("ä", 127),
		"." + strings.Repeat("a", 10):        "." + strings.Repeat("a", 10),
	} {
		if got := artifact.CleanName(raw); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestCheckDigest(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0123456789abcdef", 4)
	for d, ok := range map[string]bool{
		"sha256:" + digits: true,

		"": false, "sha256:": false, digits: false, "sha512:" + digits: false,
		"sha256:" + digits[1:]: false, "sha256:" + digits + "0": false,
		"sha256:" + strings.ToUpper(digits): false, "SHA256:" + digits: false,
		"sha256:" + digits[:63] + "g": false, "sha256:" + digits[:62] + "..": false,
		"sha256:../" + digits[3:]: false, " sha256:" + digits: false, "sha256:" + digits + "\n": false,
	} {
		err := artifact.CheckDigest(d)
		if (err == nil) != ok {
			t.Errorf("CheckDigest(%q) = %v", d, err)
		}
		if err != nil && !fault.Has(err, fault.ArtifactBadDigest) {
			t.Errorf("CheckDigest(%q) = %v, want code artifact.bad_digest", d, err)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, raw := range []string{
		"", ".", "..", "../../etc/passwd", "a\nb", "\xff", strings.Repeat("é", 300) + ".txt",
		strings.Repeat("\u2028", 200), "x." + strings.Repeat("y", 300), strings.Repeat("\xf0", 999),
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name := artifact.CleanName(raw)
		if err := artifact.CheckName(name); err != nil {
			t.Fatalf("CleanName(%q) = %q: %v", raw, name, err)
		}
		if !utf8.ValidString(name) || artifact.CleanName(name) != name {
			t.Fatalf("CleanName(%q) = %q, which is not clean", raw, name)
		}
		if artifact.CheckName(raw) == nil && name != raw {
			t.Fatalf("CleanName(%q) = %q changes a valid name", raw, name)
		}
	})
}
