package changelog

import (
	"fmt"
	"regexp"
	"strings"
)

// head begins the changelog. Releases follow, the newest first.
const head = "# What has changed\n\n" +
	"For those who use Millrace. What comes with the next release stands in [unreleased](unreleased), " +
	"and `go run ./deploy/changelog/release` prints it.\n"

// version is what a release may be called.
var version = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// Section is what the changelog says of a release: its changes by kind, in order.
// Without fragments it says that nothing has changed.
func Section(title string, list []Fragment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n", title)
	if len(list) == 0 {
		b.WriteString("\nNothing that users can see.\n")
	}
	for _, k := range kinds {
		first := true
		for _, f := range list {
			if f.Kind != k.name {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n### %s\n\n", k.heading)
				first = false
			}
			fmt.Fprintf(&b, "- %s\n", f.Text)
			for _, line := range f.Breaks {
				fmt.Fprintf(&b, "  Breaks: `%s`.\n", line)
			}
		}
	}
	return b.String()
}

// Release adds a release to the changelog, above the others. Its name is three numbers
// with dots, and no other release has it; date is for people.
func Release(log, name, date string, list []Fragment) (string, error) {
	rest, ok := strings.CutPrefix(log, head)
	switch {
	case !ok:
		return "", fmt.Errorf("%s does not begin as it should", File)
	case !version.MatchString(name):
		return "", fmt.Errorf("%q is not a version such as 1.2.3", name)
	case strings.Contains(rest, "\n## "+name+" "):
		return "", fmt.Errorf("%s is there already", name)
	}
	return head + "\n" + Section(name+" ("+date+")", list) + rest, nil
}
