package pipeline

import "unicode/utf8"

// Bounds of metadata, in characters and entries.
const (
	maxDescription = 4096
	maxOwner       = 255
	maxLabels      = 64
	maxLabelKey    = 64
	maxLabelValue  = 255
)

// metadata reads what the file says about itself.
func (c *checker) metadata(top *section, d *Definition) {
	n := top.required("metadata")
	if n == nil {
		return
	}
	meta := c.section(n, "metadata", "name", "description", "labels", "owner")
	if meta == nil {
		return
	}
	if name := meta.required("name"); name != nil {
		if text, ok := meta.text(name, "name", 1000); ok {
			c.token(name, "the name of a pipeline")
			d.Name, c.name = text, text
		}
	}
	d.Description, _ = meta.text(meta.optional("description"), "description", maxDescription)
	d.Owner, _ = meta.text(meta.optional("owner"), "owner", maxOwner)
	d.Labels = c.labels(meta)
}

// labels reads a mapping of strings.
func (c *checker) labels(meta *section) map[string]string {
	n := meta.optional("labels")
	if n == nil || !meta.is(n, "labels", kindObject) {
		return nil
	}
	if len(n.fields) > maxLabels {
		c.complain(ruleBounds, n.fields[maxLabels].at, "", "metadata has %d labels, more than %d",
			len(n.fields), maxLabels)
	}
	labels := make(map[string]string, len(n.fields))
	for _, f := range n.fields {
		if count := utf8.RuneCountInString(f.name); count == 0 || count > maxLabelKey {
			c.complain(ruleBounds, f.at, "", "the name of a label has %d characters, not 1 to %d", count,
				maxLabelKey)
		}
		labels[f.name], _ = meta.text(f.value, "label "+f.name, maxLabelValue)
	}
	return labels
}
