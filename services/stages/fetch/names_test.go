package fetch

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// FuzzSources names sources of any kind: with valid names that are all different,
// or with a fault that does not repeat what may be a secret.
func FuzzSources(f *testing.F) {
	for _, seed := range []string{
		"https://user:secret@example.org/a/b.txt?secret#secret", "file:///etc/passwd", "http://x/%00", "http://x/..",
		"http://x/" + strings.Repeat("%C3%BC", 200) + ".tar.gz", "ftp://x", "http:x", "://", "HTTP://[::1%25eth0]:80/",
	} {
		f.Add(seed, "name")
		f.Add(seed, "")
		f.Add(seed, "../../etc/passwd")
	}
	f.Fuzz(func(t *testing.T, address, name string) {
		sources := []events.Source{
			{URL: address}, {URL: address, Name: name}, {URL: address}, {Inline: []byte("x"), Name: name}, {Name: name + "-2"},
		}
		named, err := wantedOf(sources, nil)
		if err != nil {
			if !fault.Has(err, fault.SubmitBadSource) || strings.Contains(err.Error(), "secret") {
				t.Fatal(err)
			}
			return
		}
		seen := map[string]bool{}
		for _, w := range named {
			if err := artifact.CheckName(w.name); err != nil || seen[w.name] {
				t.Fatalf("%q: %v", w.name, err)
			}
			seen[w.name] = true
			if w.url != nil && w.url.User != nil {
				if user := w.url.User.String(); len(user) > 8 && strings.Contains(shown(w.url), user) {
					t.Fatalf("shown as %s", shown(w.url))
				}
			}
		}
	})
}
