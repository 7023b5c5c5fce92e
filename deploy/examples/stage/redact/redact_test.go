package redact_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"

	"example.com/redact/redact"
)

const (
	card   = "4111111111111111"
	hidden = "************1111"
	letter = "Dear Sir, my card is " + card + ", not 4111111111111112."
	public = "Dear Sir, my card is " + hidden + ", not 4111111111111112."
)

// TestKit is all that a stage has to pass.
func TestKit(t *testing.T) {
	stagetest.Test(t, stagetest.Kit{
		Stage: redact.New(),
		Cases: []stagetest.Case{
			{Name: "letter", Files: files(letter), Check: gives(public)},
			{Name: "nothing left", Files: files(letter), Config: `{"keep":0}`, Check: gives(strings.ReplaceAll(letter, card, "****************"))},
			{Name: "several", Files: files(letter, "", ledger(1_000_000), ledger(300_000)), Check: gives(
				public, "", redacted(ledger(1_000_000)), redacted(ledger(300_000)))},
			{Name: "no files", Fault: fault.StageNoInput},
		},
		BadConfigs: []string{`{"keep":7}`, `{"keep":-1}`, `{"keep":"all"}`},
		Large:      func(f stagetest.Content) stagetest.Case { return stagetest.Case{Files: []stagetest.Content{f}} },
		Resumes:    true,
		Unit:       1 << 20, // pieces are smaller
	})
}

// TestDigits tries numbers of every length, at the end and at the start of a file.
func TestDigits(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]string{
		"":                         "",
		"411111111111":             "411111111111",
		"4222222222222":            "*********2222",
		"378282246310005":          "***********0005",
		"6304000000000000001":      "6304000000000000001",
		"6212345678900000003":      "***************0003",
		"62123456789000000030":     "62123456789000000030",
		card + card:                card + card,
		card + " " + card:          hidden + " " + hidden,
		"x" + card + "\n0":         "x" + hidden + "\n0",
		"4111-1111-1111-1111":      "4111-1111-1111-1111",
		"\xff" + card + "\xfe\x00": "\xff" + hidden + "\xfe\x00",
	} {
		task := stagetest.NewTask(t, stagetest.Case{Files: files(digits)})
		r, err := redact.New().Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(stagetest.Read(t, task, r.Files[0])); got != want {
			t.Errorf("%q: got %q, want %q", digits, got, want)
		}
	}
}

func files(contents ...string) []stagetest.Content {
	var out []stagetest.Content
	for i, c := range contents {
		out = append(out, stagetest.Content{Name: fmt.Sprint("file-", i), MediaType: "text/plain", Data: []byte(c)})
	}
	return out
}

// ledger is content with a card number in about every 20 bytes, so that there is
// one across every border, whatever it is a border of.
func ledger(size int) string {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(card)
		b.WriteString("\n, .;"[:1+rnd.IntN(5)])
	}
	return b.String()
}

func redacted(s string) string { return strings.ReplaceAll(s, card, hidden) }

// gives checks the contents of the files, and how many cards were found.
func gives(want ...string) func(*testing.T, *stage.Task, stage.Result) {
	return func(t *testing.T, task *stage.Task, r stage.Result) {
		cards := 0
		for i, f := range r.Files {
			if !bytes.Equal(stagetest.Read(t, task, f), []byte(want[i])) {
				t.Errorf("%s is not as it should be", f.Name)
			}
			if f.MediaType != "text/plain" {
				t.Errorf("%s is now %q", f.Name, f.MediaType)
			}
			cards += strings.Count(string(stagetest.Read(t, task, task.Files[i])), card)
		}
		if got := r.Findings["cards"]; got != fmt.Sprint(cards) {
			t.Errorf("found %s cards, there are %d", got, cards)
		}
	}
}
