package jobview

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// Limits of what is found by search.
const (
	maxWords     = 128 // of one job
	maxWord      = 64  // bytes of one word
	maxFileNames = 16
	// maxSearch is how many words one search may have.
	maxSearch = 8
)

// splitWords returns the words of a text: runs of letters and digits, in lower case.
func splitWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// clipWord cuts a word that is too long, between runes.
func clipWord(word string) string {
	if len(word) <= maxWord {
		return word
	}
	at := maxWord
	for !utf8.RuneStart(word[at]) {
		at--
	}
	return word[:at]
}

// wordsOf returns what a job is found by, each word once, with a space before and
// after each: its id, the names of its files, key, labels and faults.
func wordsOf(j *events.Job) string {
	var b strings.Builder
	b.WriteByte(' ')
	n, seen := 0, make(map[string]bool)
	add := func(text string) {
		for _, word := range splitWords(text) {
			if word = clipWord(word); n < maxWords && !seen[word] {
				seen[word] = true
				n++
				b.WriteString(word + " ")
			}
		}
	}
	add(j.ID)
	for _, f := range j.Files[:min(len(j.Files), maxFileNames)] {
		add(f.Name)
	}
	add(j.Key)
	for _, name := range sortedKeys(j.Labels) {
		add(name)
		add(j.Labels[name])
	}
	for _, f := range flow.Faults(*j) {
		add(f.Code)
		add(f.Message)
	}
	return b.String()
}

// searchWord is one word of a search: the whole word, or the beginning of one.
type searchWord struct {
	text  string
	begin bool
}

// within is what the words of a job contain when they hold the word.
func (w searchWord) within() string {
	if w.begin {
		return " " + w.text
	}
	return " " + w.text + " "
}

// parseSearch reads a search: words that must all be there; one with a * at its end
// is the beginning of a word. More than a few are left out.
func parseSearch(text string) []searchWord {
	var list []searchWord
	for field := range strings.FieldsSeq(text) {
		words := splitWords(field)
		for i, word := range words {
			if len(list) < maxSearch {
				begin := i == len(words)-1 && strings.HasSuffix(field, "*")
				list = append(list, searchWord{clipWord(word), begin})
			}
		}
	}
	return list
}
