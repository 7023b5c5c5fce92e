package bus

import (
	"context"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// streamByPrefix finds the stream of a subject of Millrace by how it begins.
var streamByPrefix = prefixes()

func prefixes() map[string]string {
	all := map[string]string{}
	for _, s := range (Streams{}).withDefaults().configs() {
		for _, subject := range s.Subjects {
			prefix, _, _ := strings.Cut(subject, "*")
			all[prefix] = s.Name
		}
	}
	return all
}

// streamOf returns the stream that keeps a subject. It asks the broker only for
// subjects outside of Millrace.
func (c *Conn) streamOf(ctx context.Context, subject string) (string, error) {
	if tokens := strings.SplitN(subject, ".", 3); len(tokens) == 3 {
		if s, ok := streamByPrefix[tokens[0]+"."+tokens[1]+"."]; ok {
			return s, nil
		}
	}
	name, err := c.js.StreamNameBySubject(ctx, subject)
	if err != nil {
		return "", busFault("find the stream of "+fault.Clip(subject, maxShown), err)
	}
	return name, nil
}
