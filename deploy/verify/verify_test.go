package verify

import (
	"os"
	"testing"
)

// rules are all the rules, by name.
var rules = map[string]func(*Tree) ([]string, error){
	"layers":    plain(Layers),
	"owners":    plain(Owners),
	"kits":      plain(Kits),
	"purity":    plain(Purity),
	"docs":      plain(Docs),
	"sizes":     plain(Sizes),
	"names":     plain(Names),
	"calls":     plain(Calls),
	"phrases":   Phrases,
	"top level": TopLevel,
	"binaries":  Binaries,
}

func plain(rule func(*Tree) []string) func(*Tree) ([]string, error) {
	return func(t *Tree) ([]string, error) { return rule(t), nil }
}

// TestProject runs every rule over the project.
func TestProject(t *testing.T) {
	t.Parallel()
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := rule(tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range list {
				t.Error(line)
			}
		})
	}
}
