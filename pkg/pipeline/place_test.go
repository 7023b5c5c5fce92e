package pipeline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlaces finds every character of a string where it stands in the file.
func TestPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, src, value string }{
		{"plain", "k: abc def\n", "abc def"},
		{"plain folded", "k: abc\n    def\n\n  ghi\nj: 1\n", "abc def\nghi"},
		{"single", "k: 'it''s ''x'''\n", "it's 'x'"},
		{"single folded", "k: 'abc  \n   def\n\n\n   ghi'\n", "abc def\n\nghi"},
		{"double", `k: "a\tb\x41\u00e9\U0001F600 \"q\" \\ z"` + "\n", "a\tbA\u00e9\U0001F600 \"q\" \\ z"},
		{"double folded", "k: \"abc\n    def \\\n   ghi\"\n", "abc def ghi"},
		{"literal", "k: |\n  abc\n   def\n\n  ghi\nj: 1\n", "abc\n def\n\nghi\n"},
		{"literal strip", "k: |-\n    abc\n    def\n", "abc\ndef"},
		{"folded", "k: >\n  abc\n  def\n\n  ghi\n", "abc def\nghi\n"},
		{"in a list", "k:\n  - é: [1, 'ü x']\n", "ü x"},
		{"after a tab", "k:\tabc\n", "abc"},
		{"windows", "k: |\r\n  abc\r\n  def\r\n", "abc\ndef\n"},
		{"comment", "# é\nk: abc # def\n", "abc"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			src, bad := newSource([]byte(test.src))
			if bad != nil {
				t.Fatal(bad)
			}
			r := &reader{report: &report{}, src: src}
			n := lastText(r.read())
			if n == nil || n.text != test.value {
				t.Fatalf("read %+v, want %q: %s", n, test.value, lines(r.found))
			}
			places := src.places(n)
			if len(places) != len([]rune(test.value))+1 {
				t.Fatalf("%d places for %q", len(places), test.value)
			}
			checkPlaces(t, src, n, places)
		})
	}
}

// checkPlaces compares each letter with the one in the file.
func checkPlaces(t *testing.T, src *source, n *node, places []position) {
	t.Helper()
	before := position{}
	for i, want := range []rune(n.text) {
		at := places[i]
		got, _ := src.at(at)
		if got != want && got != '\\' && !strings.ContainsRune(" \n", want) {
			t.Errorf("%q at %v is %q", want, at, got)
		}
		if at.line < before.line || at.line == before.line && at.column <= before.column {
			t.Errorf("%q at %v comes after %v", want, at, before)
		}
		before = at
	}
}

// lastText returns the last string of a value.
func lastText(n *node) *node {
	var out *node
	switch {
	case n == nil:
	case n.kind == kindText:
		out = n
	default:
		for _, item := range n.items {
			if found := lastText(item); found != nil {
				out = found
			}
		}
		for _, f := range n.fields {
			if found := lastText(f.value); found != nil {
				out = found
			}
		}
	}
	return out
}

// TestNodesStandWhereTheyAre compares the place of every key of the good files
// with the text there.
func TestNodesStandWhereTheyAre(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "good") {
		src, bad := newSource(read(t, path))
		if bad != nil {
			t.Fatal(bad)
		}
		root := (&reader{report: &report{}, src: src}).read()
		var visit func(n *node)
		visit = func(n *node) {
			for _, f := range n.fields {
				line := string(src.lines[f.at.line-1][f.at.column-1:])
				if !strings.HasPrefix(strings.Trim(line, `"'`), f.name) {
					t.Errorf("%s: %s at %v is %q", path, f.name, f.at, line)
				}
				visit(f.value)
			}
			for _, item := range n.items {
				visit(item)
			}
		}
		visit(root)
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	long := "k: " + strings.Repeat("0123456789", 30) + "\n"
	tests := []struct {
		name, src    string
		line, column int
		want         string
	}{
		{"first", "abc\ndef\n", 1, 2, "> 1 | abc\n    |  ^\n"},
		{"third", "a\n\nb: c\nd\n", 3, 4, "  1 | a\n  2 |\n> 3 | b: c\n    |    ^\n"},
		{"tab and return", "\ta\r\n\tb: c\r\n", 2, 2, "  1 |  a\n> 2 |  b: c\n    |  ^\n"},
		{"behind the end", "abc\n", 1, 99, "> 1 | abc\n    |    ^\n"},
		{"no such line", "abc\n", 7, 1, ""},
		{"digits", strings.Repeat("\n", 9) + "x\n", 10, 1, "   8 |\n   9 |\n> 10 | x\n     | ^\n"},
		{"wide", "é: ü\n", 1, 4, "> 1 | é: ü\n    |    ^\n"},
		{"not text", "\xff\n", 1, 1, "> 1 | \uFFFD\n    | ^\n"},
		{"long", long, 1, 150, "> 1 | …" + long[69:169] + "…\n    |  " + strings.Repeat(" ", 80) + "^\n"},
	}
	for _, test := range tests {
		got := Excerpt([]byte(test.src), Diagnostic{Line: test.line, Column: test.column})
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
