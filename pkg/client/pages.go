package client

import "iter"

// pages returns the items of all pages of a list, which are asked for as they are
// needed, from the cursor on. ask returns the items of a page and the cursor of the
// next one, empty after the last. It ends after the first error.
func pages[T any](cursor string, ask func(cursor string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for at := cursor; ; {
			items, next, err := ask(at)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			at = next
		}
	}
}
