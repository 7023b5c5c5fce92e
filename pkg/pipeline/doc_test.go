package pipeline

import (
	"strings"
	"testing"
)

// TestDocumentedFile checks the file in the package comment.
func TestDocumentedFile(t *testing.T) {
	t.Parallel()
	var src strings.Builder
	for line := range strings.SplitSeq(string(read(t, "doc.go")), "\n") {
		if text, ok := strings.CutPrefix(line, "//\t"); ok {
			src.WriteString(text + "\n")
		}
	}
	documented := strings.Replace(src.String(), "dir:", "path:", 1)
	if d, found := Check("doc.go", []byte(documented), testStages()); d == nil || len(found) > 0 {
		t.Errorf("%s\n%s", lines(found), documented)
	}
}
