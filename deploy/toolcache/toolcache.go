// Package toolcache is where things stay that tests and tools have fetched or built.
package toolcache

import (
	"os"
	"path/filepath"
)

// Dir is a folder below the user's cache folder, or the temporary one where there is none.
// It is made if it is not there.
func Dir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "millrace", "tools")
	return dir, os.MkdirAll(dir, 0o755)
}
