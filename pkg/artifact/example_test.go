package artifact_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

// Content is stored under its digest and read back, whole or in part.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "artifacts")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	d, err := fsstore.New(dir, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	store := artifact.New(d, nil)
	defer store.Close()

	content := strings.NewReader("The mill grinds slowly.\n")
	file, err := store.Put(ctx, content, &artifact.PutOptions{Name: "proverb.txt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(file.Name, file.Size, file.Digest)

	r, err := store.OpenRange(ctx, file.Digest, 4, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	part, err := io.ReadAll(r)
	fmt.Printf("%s %v\n", part, err)
	// Output:
	// proverb.txt 24 sha256:78fa18e3832c72e1b427acc3a415a37d5208756c99b595fee6b03589f57e5f95
	// mill <nil>
}
