package pipeline

import "strings"

// link resolves what each step needs and finds what is upstream of it.
func (c *checker) link(steps []*step) {
	byID := make(map[string]*step, len(steps))
	ids := make([]string, 0, len(steps))
	for _, s := range steps {
		if s.id == "" {
			continue
		}
		if first := byID[s.id]; first != nil {
			c.complain(ruleRepeatedStep, s.idAt, "choose another id",
				"the id %s belongs to the step in line %d", quote(s.id), first.idAt.line)
			continue
		}
		byID[s.id] = s
		ids = append(ids, s.id)
	}
	for i, s := range steps {
		n := s.section.optional("needs")
		switch {
		case n != nil:
			c.needs(s, n, byID, ids)
		case i > 0:
			s.needs = []need{{steps[i-1], s.idAt}}
		}
		c.fetchNeeds(s, n)
	}
	c.cycles(steps)
	for _, s := range steps {
		s.upstream = s.reach(nil, make(map[*step]bool))
	}
	c.pivots(steps)
}

// needs reads the list of needs of one step.
func (c *checker) needs(s *step, n *node, byID map[string]*step, ids []string) {
	if !s.section.is(n, "needs", kindList) {
		return
	}
	seen := make(map[string]bool, len(n.items))
	for _, item := range n.items {
		id, ok := s.section.text(item, "a need", 1000)
		if !ok {
			continue
		}
		target := byID[id]
		switch {
		case target == nil:
			c.complain(ruleUnknownNeed, item.at, didYouMean(id, ids), "there is no step %s", quote(id))
		case seen[id]:
			c.complain(ruleRepeatedNeed, item.at, "remove one", "%s needs %s twice", s.section.what, id)
		default:
			s.needs = append(s.needs, need{target, item.at})
		}
		seen[id] = true
	}
}

// fetchNeeds complains about a fetching step that would not get the job's files.
func (c *checker) fetchNeeds(s *step, n *node) {
	if s.stage == nil || !s.stage.Fetches || len(s.needs) == 0 {
		return
	}
	at := s.section.node.keyAt("needs")
	hint := "write needs: []"
	if n == nil {
		at = s.section.node.keyAt("uses")
		hint = "put it first, or write needs: []"
	}
	c.complain(ruleFetchNeeds, at, hint,
		"%s reads the files of the job, so it can need no other step; it needs %s",
		s.uses, s.needs[0].step.id)
}

// reach collects what is upstream of s, without s itself unless it is in a cycle.
func (s *step) reach(into []*step, seen map[*step]bool) []*step {
	for _, n := range s.needs {
		if !seen[n.step] {
			seen[n.step] = true
			into = n.step.reach(append(into, n.step), seen)
		}
	}
	return into
}

// cycles reports each cycle once, at the need that closes it.
func (c *checker) cycles(steps []*step) {
	const walking, done = 1, 2
	mark := make(map[*step]int, len(steps))
	var path []*step
	var walk func(*step)
	walk = func(s *step) {
		mark[s] = walking
		path = append(path, s)
		for _, n := range s.needs {
			switch mark[n.step] {
			case 0:
				walk(n.step)
			case walking:
				c.cyclic = true
				c.complain(ruleCycle, n.at, "remove one of these needs", "the steps need each other: %s",
					cycleText(path, n.step))
			}
		}
		path = path[:len(path)-1]
		mark[s] = done
	}
	for _, s := range steps {
		if mark[s] == 0 {
			walk(s)
		}
	}
}

// cycleText writes the cycle that ends at the last step of path.
func cycleText(path []*step, first *step) string {
	var names []string
	for _, s := range path {
		if len(names) > 0 || s == first {
			names = append(names, s.id)
		}
	}
	return strings.Join(append(names, first.id), " → ")
}

// inOrder returns the steps so that each comes after what it needs, and otherwise
// as the file has them.
func inOrder(steps []*step) []*step {
	out := make([]*step, 0, len(steps))
	placed := make(map[*step]bool, len(steps))
	for len(out) < len(steps) {
		before := len(out)
		for _, s := range steps {
			if !placed[s] && s.ready(placed) {
				placed[s] = true
				out = append(out, s)
				break
			}
		}
		if len(out) == before {
			return out
		}
	}
	return out
}

func (s *step) ready(placed map[*step]bool) bool {
	for _, n := range s.needs {
		if !placed[n.step] {
			return false
		}
	}
	return true
}
