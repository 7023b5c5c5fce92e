package fetch

import "path/filepath"

// Roots are the folders below which local files may be read.
type Roots []string

// NewRoots returns the roots as absolute, clean paths. A folder that is reached
// by links is also known by the path that these lead to.
func NewRoots(paths []string) Roots {
	roots := make(Roots, 0, len(paths))
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			continue
		}
		roots = append(roots, abs)
		if real, err := filepath.EvalSymlinks(abs); err == nil && real != abs {
			roots = append(roots, real)
		}
	}
	return roots
}

// Find returns the root that a path lies below, and the path from there. ok is
// false when it lies below none. Links are not looked at: opening through the
// root refuses those that lead out.
func (r Roots) Find(path string) (root, rel string, ok bool) {
	if !filepath.IsAbs(path) {
		return "", "", false
	}
	path = filepath.Clean(path)
	for _, root := range r {
		rel, err := filepath.Rel(root, path)
		if err == nil && filepath.IsLocal(rel) {
			return root, rel, true
		}
	}
	return "", "", false
}
