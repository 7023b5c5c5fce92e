package pipeline

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// maxSteps bounds the length of a pipeline.
const maxSteps = 100

// step is a step as the file has it.
type step struct {
	section *section
	index   int
	id      string
	idAt    position
	uses    string
	stage   *Stage
	// needs are the steps it needs, in the order named. Those that the file
	// names but does not have are left out.
	needs   []need
	when    *node
	with    *node
	timeout time.Duration
	limits  limits
	retry   flow.Retry
	// attention is what is done about its decisions.
	attention attention
	// checkpoint is how many bytes may have to be done again.
	checkpoint int64
	critical   bool
	// irreversible is true when what the step does cannot be taken back.
	irreversible bool
	// upstream are the steps it needs, directly or through others.
	upstream []*step
}

// need is a step that another needs, and where the file says so.
type need struct {
	step *step
	at   position
}

// readSteps reads the list of steps. Those that are no mappings are left out.
// Decisions are as outer says, unless a step says otherwise.
func (c *checker) readSteps(spec *section, outer attention) []*step {
	list := spec.required("steps")
	if list == nil || !spec.is(list, "steps", kindList) {
		return nil
	}
	if len(list.items) == 0 {
		c.complain(ruleMissing, list.at, "add one, for example - id: fetch", "the pipeline has no steps")
	}
	if len(list.items) > maxSteps {
		c.complain(ruleBounds, list.items[maxSteps].at, "split the work over several pipelines",
			"the pipeline has %d steps, more than %d", len(list.items), maxSteps)
		list.items = list.items[:maxSteps]
	}
	var out []*step
	for _, n := range list.items {
		if s := c.step(n, len(out), outer); s != nil {
			out = append(out, s)
		}
	}
	return out
}

func (c *checker) step(n *node, index int, outer attention) *step {
	what := "a step"
	if id := n.get("id"); id != nil && id.kind == kindText && utf8.RuneCountInString(id.text) <= 64 {
		what = "step " + id.text
	}
	fields := c.section(n, what, "id", "uses", "needs", "when", "with", "timeout", "limits", "retry", "attention",
		"checkpoint", "critical", "irreversible")
	if fields == nil {
		return nil
	}
	s := &step{section: fields, index: index, idAt: n.at}
	c.stepID(s)
	c.stepStage(s)
	s.when = fields.optional("when")
	s.with = fields.optional("with")
	s.timeout = fields.duration("timeout")
	s.limits = fields.limits(s.timeout)
	s.retry = fields.retry()
	s.attention = fields.attention(outer)
	s.checkpoint = fields.size("checkpoint", minCheckpoint, maxCheckpoint)
	s.critical = fields.truth("critical", true)
	s.irreversible = fields.truth("irreversible", false)
	return s
}

// truth reads a field that is true or false.
func (s *section) truth(name string, absent bool) bool {
	n := s.optional(name)
	if n == nil || !s.is(n, name, kindBool) {
		return absent
	}
	return n.truth
}

// stepID reads the id. One that is not allowed still names the step, so that
// needs find it.
func (c *checker) stepID(s *step) {
	n := s.section.required("id")
	if n == nil {
		return
	}
	s.idAt = n.at
	id, ok := s.section.text(n, "id", 1000)
	if !ok {
		return
	}
	s.id = id
	c.token(n, "the id of a step")
}

// token complains about a string that cannot be part of a subject.
func (c *checker) token(n *node, what string) {
	if events.ValidToken(n.text) {
		return
	}
	c.complain(ruleName, n.at, tokenHint(n.text), "%s is 1 to 64 of a-z, 0-9, _ and -, not %s", what,
		quote(n.text))
}

// tokenHint makes a token of a name.
func tokenHint(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case events.ValidToken(string(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if s := strings.Trim(b.String(), "-"); events.ValidToken(s) {
		return "write " + s
	}
	return ""
}
