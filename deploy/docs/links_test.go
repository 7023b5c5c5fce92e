package main

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestLinks follows every relative link of every page of the project.
func TestLinks(t *testing.T) {
	t.Parallel()
	count, broken, err := follow(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if count < 100 {
		t.Errorf("only %d links were followed", count)
	}
	for _, line := range broken {
		t.Error(line)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	count, broken, err := follow(fstest.MapFS{
		"a.md": {Data: []byte("# One\n[x](b/c.md#two) [y](b) [z](https://example.com) [w](#one)\n" +
			"[bad](b/none.md) [bad](b/c.md#three) [bad](../up.md)\n```\n[code](nowhere)\n# not a heading\n```\n`[code](nowhere)`\n")},
		"b/c.md":    {Data: []byte("## Two\n## Two\n[back](../a.md#not-a-heading) [twice](#two-1)")},
		".git/x.md": {Data: []byte("[bad](none)")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a.md: b/none.md leads nowhere", "a.md: b/c.md#three leads nowhere", "a.md: ../up.md leads nowhere",
		"b/c.md: ../a.md#not-a-heading leads nowhere",
	}
	if diff := cmp.Diff(want, broken); diff != "" || count != 8 {
		t.Errorf("%d links (-want +got)\n%s", count, diff)
	}
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	inline  = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
)

// markdown lists the pages of a tree.
func markdown(root fs.FS) (map[string]string, error) {
	all := map[string]string{}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".md":
			return nil
		}
		data, err := fs.ReadFile(root, p)
		all[p] = fenced.ReplaceAllString(string(data), "")
		return err
	})
	return all, err
}

// follow counts the links within a tree and lists those that lead nowhere.
func follow(root fs.FS) (count int, broken []string, err error) {
	pages, err := markdown(root)
	if err != nil {
		return 0, nil, err
	}
	names := make([]string, 0, len(pages))
	for name := range pages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(pages[name], "code"), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			count++
			if !leads(root, pages, name, m[1]) {
				broken = append(broken, name+": "+m[1]+" leads nowhere")
			}
		}
	}
	return count, broken, nil
}

// leads reports whether a link of a page leads to a file and to a heading in it.
func leads(root fs.FS, pages map[string]string, from, to string) bool {
	file, fragment, _ := strings.Cut(to, "#")
	if file = path.Join(path.Dir(from), file); strings.HasPrefix(to, "#") {
		file = from
	}
	if _, err := fs.Stat(root, file); err != nil {
		return false
	}
	return fragment == "" || slices.Contains(anchors(pages[file]), fragment)
}

// anchors are those of the headings of a page. Of several that are the same, all but the
// first have a number.
func anchors(page string) []string {
	var list []string
	seen := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		a := anchor(strings.TrimSpace(m[1]))
		if n := seen[a]; n > 0 {
			list = append(list, a+"-"+string(rune('0'+n)))
		} else {
			list = append(list, a)
		}
		seen[a]++
	}
	return list
}
