package sweep

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// randomPipeline is a pipeline of 2 to 8 steps that put things on the shelf. The last
// may be a letter, which is sent when nothing critical can fail any more.
func randomPipeline(r *rand.Rand) string {
	var text strings.Builder
	text.WriteString(head)
	var critical []string
	n := 2 + r.IntN(6)
	for i := range n {
		id := fmt.Sprint("s", i)
		must := r.IntN(3) > 0
		fmt.Fprintf(&text, "    - {id: %s, uses: %s, needs: [%s], critical: %v, retry: {maxAttempts: %d, initial: 1s, max: 4s}%s}\n",
			id, randomStage(r), randomNeeds(r, i), must, 1+r.IntN(3), randomCondition(r))
		if must {
			critical = append(critical, id)
		}
	}
	if r.IntN(4) == 0 {
		fmt.Fprintf(&text, "    - {id: letter, uses: mail@1, needs: [%s], irreversible: true}\n", strings.Join(critical, ", "))
	}
	return text.String()
}

func randomStage(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return "chew@1"
	}
	return fmt.Sprintf("place@1, with: {name: %s, repeat: %v}", names[r.IntN(len(names))], r.IntN(2) == 0)
}

func randomNeeds(r *rand.Rand, i int) string {
	var needs []string
	for j := range i {
		if r.IntN(i+1) < 2 {
			needs = append(needs, fmt.Sprint("s", j))
		}
	}
	return strings.Join(needs, ", ")
}

func randomCondition(r *rand.Rand) string {
	if r.IntN(8) > 0 {
		return ""
	}
	return ", when: " + []string{"job.tenant == 'default'", "job.tenant == 'other'"}[r.IntN(2)]
}
