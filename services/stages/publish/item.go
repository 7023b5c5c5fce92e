package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// hidden is how the names of files start that are nobody's business.
const hidden = ".millrace-"

// item is one file to publish.
type item struct {
	file events.File
	tag  string // stands for the name in hidden names
}

// itemsOf checks the names of files: each a name, each different.
func itemsOf(files []events.File) ([]item, error) {
	items := make([]item, len(files))
	seen := make(map[string]bool, len(files))
	for i, f := range files {
		if err := artifact.CheckName(f.Name); err != nil {
			return nil, fault.New(fault.PublishBadPath, "", err)
		}
		if strings.HasPrefix(f.Name, hidden) {
			return nil, fault.New(fault.PublishBadPath, "names that start with "+hidden+" are taken", nil)
		}
		if seen[f.Name] {
			return nil, fault.New(fault.PublishNameCollision, f.Name, nil)
		}
		seen[f.Name] = true
		items[i] = item{file: f, tag: short(f.Name)}
	}
	return items, nil
}

// keyOf stands for a step of a job in hidden names and marks.
func keyOf(t *stage.Task) string { return short(t.Tenant + "\x00" + t.Job + "\x00" + t.Step) }

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

// tempName is where an attempt writes an item; n is 0 unless other processes at the
// same attempt are still writing.
func tempName(key string, it item, attempt, n int) string {
	name := tempPrefix(key, it) + strconv.Itoa(attempt)
	if n > 0 {
		name += "-" + strconv.Itoa(n)
	}
	return name + ".tmp"
}

// tempPrefix is what the names start with under which attempts write an item.
func tempPrefix(key string, it item) string { return hidden + key + "-" + it.tag + "-" }

// oldName is where the file stays that the step key has replaced.
func oldName(key string, it item) string { return hidden + key + "-" + it.tag + ".old" }
