package httpcall

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// receipt is what is kept of an answer, as JSON of less than 4 KiB.
type receipt struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Answer  string            `json:"answer,omitempty"`
}

// telling are the headers that help people to find the call on the other side.
var telling = []string{"Location", "Etag", "Date", "X-Request-Id", "Request-Id"}

const (
	maxAnswer = stage.MaxFinding
	maxHeader = 128
)

// receipt is that of an answer. What the request says in its headers is not
// repeated.
func (w *work) receipt(r *request, a *answer) string {
	hide := hider(r.headers)
	rec := receipt{Status: a.status}
	for _, name := range telling {
		if value := a.header.Get(name); value != "" {
			if rec.Headers == nil {
				rec.Headers = map[string]string{}
			}
			rec.Headers[name] = fault.Clip(hide.Replace(value), maxHeader)
		}
	}
	if !a.clipped {
		rec.Answer = fault.Clip(hide.Replace(normal(a.body)), maxAnswer)
	}
	return encoded(rec)
}

// normal spells JSON in the one way in which the secrets in it are looked for.
// It is empty for anything else.
func normal(data []byte) string {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return ""
	}
	if _, err := d.Token(); err != io.EOF {
		return ""
	}
	return encoded(v)
}

// encoded is JSON without escapes that are only for web pages.
func encoded(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "" // of what was JSON, or of plain values: cannot be
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// readReceipt returns the status and the answer of a receipt. A call that a
// person vouches for has none.
func readReceipt(text string) (status, answer string) {
	var rec receipt
	if json.Unmarshal([]byte(text), &rec) != nil || rec.Status == 0 {
		return "unrecorded", ""
	}
	return strconv.Itoa(rec.Status), fault.Clip(rec.Answer, maxAnswer)
}

// hider replaces the values of headers, and the longer words in them, also as
// they look inside JSON.
func hider(headers map[string]string) *strings.Replacer {
	var secrets []string
	add := func(s string) {
		if s == "" {
			return
		}
		secrets = append(secrets, s)
		if quoted := encoded(s); quoted != `"`+s+`"` {
			secrets = append(secrets, quoted[1:len(quoted)-1])
		}
	}
	for _, value := range headers {
		add(strings.TrimSpace(value))
		parts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t,;=:\"", r) })
		for _, word := range slices.Concat(strings.Fields(value), parts) {
			if len(word) >= 8 {
				add(word)
			}
		}
	}
	// The longest first: of two that begin at one place the first counts.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(secrets))
	for _, s := range secrets {
		pairs = append(pairs, s, "***")
	}
	return strings.NewReplacer(pairs...)
}

// note adds what a call has found to the findings.
func (w *work) note(findings map[string]string, n int, kept string) {
	const most = 30 // two findings each
	if n >= most {
		return
	}
	suffix := ""
	if w.cfg.Each == eachFile {
		suffix = "." + strconv.Itoa(n)
	}
	status, text := readReceipt(kept)
	findings["status"+suffix] = status
	if text != "" {
		findings["answer"+suffix] = text
	}
}
