package publishs3

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// hidden is how the keys of objects start that are nobody's business.
const hidden = ".millrace-"

// maxKey is how long a key may be, in bytes.
const maxKey = 1024

// item is one file to publish.
type item struct {
	file events.File
	key  string // of the object
	tag  string // stands for the key where that is too long
}

// itemsOf names the objects of files: each has a key, each another.
func itemsOf(prefix string, files []events.File) ([]item, error) {
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	items := make([]item, len(files))
	seen := make(map[string]bool, len(files))
	for i, f := range files {
		if err := artifact.CheckName(f.Name); err != nil {
			return nil, fault.New(fault.S3BadKey, "", err)
		}
		key := path.Join(prefix, f.Name)
		switch {
		case strings.HasPrefix(f.Name, hidden):
			return nil, fault.New(fault.S3BadKey, "names that start with "+hidden+" are taken", nil)
		case len(key) > maxKey:
			return nil, fault.New(fault.S3BadKey, "the key of "+fault.Clip(f.Name, 80)+" is too long", nil)
		case seen[key]:
			return nil, fault.New(fault.PublishNameCollision, f.Name, nil)
		}
		seen[key] = true
		items[i] = item{file: f, key: key, tag: short(key)}
	}
	return items, nil
}

// checkPrefix refuses a prefix that is not plainly names with slashes between.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	for part := range strings.SplitSeq(prefix, "/") {
		if artifact.CheckName(part) != nil || strings.HasPrefix(part, hidden) {
			return fault.New(fault.S3BadKey, "the prefix "+fault.Clip(prefix, 200), nil)
		}
	}
	return nil
}

// keyOf stands for a step of a job in the names and marks of objects.
func keyOf(t *stage.Task) string { return short(t.Tenant + "\x00" + t.Job + "\x00" + t.Step) }

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

// oldKey is where the object stays that the step has replaced by the item.
func oldKey(step string, it item) string { return hidden + "old/" + step + "/" + it.tag }
