package gateway_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// pairOf finds the colours of the dashboard, light and dark.
var pairOf = regexp.MustCompile(`--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)`)

// TestContrast computes the contrast of all texts of the dashboard with what is behind
// them (WCAG 2.2: 4.5 for text, 3 for what else must be seen).
func TestContrast(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("web/style/colours.css")
	if err != nil {
		t.Fatal(err)
	}
	var colours [2]map[string]float64
	for i := range colours {
		colours[i] = make(map[string]float64)
		for _, m := range pairOf.FindAllStringSubmatch(string(src), -1) {
			colours[i][m[1]] = luminance(t, m[2+i])
		}
	}
	type pair struct {
		front, back string
		least       float64
	}
	pairs := []pair{{"on-accent", "accent", 4.5}, {"surface", "bad", 4.5}, {"surface", "accent", 3}}
	for _, back := range []string{"ground", "surface", "sunken", "hover"} {
		for _, front := range []string{"text", "muted", "accent", "bad", "wait"} {
			pairs = append(pairs, pair{front, back, 4.5})
		}
		pairs = append(pairs, pair{"edge-strong", back, 3})
	}
	for _, tone := range []string{"quiet", "busy", "wait", "call", "back", "good", "part", "bad"} {
		pairs = append(pairs, pair{tone, tone + "-tint", 4.5}, pair{"text", tone + "-tint", 4.5}, pair{tone, "surface", 4.5}, pair{"muted", tone + "-tint", 4.5})
	}
	for i, theme := range []string{"light", "dark"} {
		for _, p := range pairs {
			front, ok1 := colours[i][p.front]
			back, ok2 := colours[i][p.back]
			if !ok1 || !ok2 {
				t.Fatalf("there is no %s or no %s", p.front, p.back)
			}
			if c := (math.Max(front, back) + .05) / (math.Min(front, back) + .05); c < p.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", theme, p.front, p.back, c, p.least)
			}
		}
	}
}

// luminance is the relative luminance of a colour.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
