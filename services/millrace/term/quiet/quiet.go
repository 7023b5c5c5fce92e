// Package quiet keeps the terminal library from asking the terminal for its colors
// before main begins.
//
// github.com/charmbracelet/bubbletea v1 asks while its packages are initialized, in
// every program that links it and whatever the program is about to do. A terminal
// that does not answer, such as that of a container without a screen, then costs
// five seconds. The library does not ask when the variable CI is set, so this
// package sets it for the time of the initialization. That it comes first follows
// from the language: of the packages whose imports are ready, the first by import
// path is initialized, and this one, which imports nothing but os, stands before
// github.com/muesli/termenv, which does the asking. A test on a terminal watches
// over it.
package quiet

import "os"

// variable is what the library looks at.
const variable = "CI"

// before is what the variable was, and wasSet whether it was there.
var before, wasSet = hush()

func hush() (value string, set bool) {
	value, set = os.LookupEnv(variable)
	if value == "" {
		_ = os.Setenv(variable, "1") // at worst the library asks
	}
	return value, set
}

// Restore gives the environment its variable back. Main calls it first; it may be
// called again.
func Restore() {
	if wasSet {
		_ = os.Setenv(variable, before)
		return
	}
	_ = os.Unsetenv(variable)
}
