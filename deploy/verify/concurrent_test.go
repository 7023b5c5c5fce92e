package verify

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestConcurrent(t *testing.T) {
	t.Parallel()
	tree, err := Load(fstest.MapFS{
		"a/a.go":            {Data: []byte("package a\n\nimport \"sync/atomic\"\n")},
		"b/b.go":            {Data: []byte("package b\n\nfunc f() {\n\tfor {\n\t\tgo f()\n\t}\n}\n")},
		"c/c.go":            {Data: []byte("package c\n")},
		"c/c_test.go":       {Data: []byte("package c\n\nimport \"sync\"\n")},
		"a/below/d_test.go": {Data: []byte("package d\n")},
		"c/below/e_test.go": {Data: []byte("package e\n")},
		"b/more.go":         {Data: []byte("package b\n\nimport \"sync\"\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "a/below", "b"}, Concurrent(tree)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
