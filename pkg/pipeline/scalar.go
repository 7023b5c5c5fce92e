package pipeline

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Plain scalars are read by the core schema of YAML 1.2, whatever the parser
// makes of them: `no` and `1_000` are strings, `1e3` is a number.
var (
	plainNumber  = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	plainHex     = regexp.MustCompile(`^0x[0-9a-fA-F]+$`)
	plainOctal   = regexp.MustCompile(`^0o[0-7]+$`)
	plainInf     = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
	leadingZero  = regexp.MustCompile(`^[-+]?0[0-9]`)
	plainInteger = regexp.MustCompile(`^[-+]?[0-9]+$`)
)

// plainScalar reads an unquoted scalar.
func plainScalar(raw string, at position) (*node, *complaint) {
	n := &node{at: at, raw: raw, text: raw}
	switch raw {
	case "", "~", "null", "Null", "NULL":
		n.kind = kindNull
		return n, nil
	case "true", "True", "TRUE":
		n.kind, n.truth = kindBool, true
		return n, nil
	case "false", "False", "FALSE":
		n.kind = kindBool
		return n, nil
	}
	n.kind = kindNumber
	switch {
	case plainInf.MatchString(raw):
		return n, complain(ruleNumber, at, "quote it if it is meant as text",
			"%s is not a finite number", raw)
	case plainHex.MatchString(raw), plainOctal.MatchString(raw):
		i, err := strconv.ParseInt(raw, 0, 64)
		n.text = strconv.FormatInt(i, 10)
		return n, tooLarge(raw, at, err)
	case plainNumber.MatchString(raw):
		if leadingZero.MatchString(raw) {
			n.text = "0"
			return n, complain(ruleNumber, at, leadingZeroHint(raw), "%s has a leading zero", raw)
		}
		var err error
		n.text, err = numberLiteral(raw)
		return n, tooLarge(raw, at, err)
	}
	n.kind = kindText
	return n, nil
}

// numberLiteral writes a YAML number as a JSON number.
func numberLiteral(raw string) (string, error) {
	if plainInteger.MatchString(raw) {
		i, err := strconv.ParseInt(raw, 10, 64)
		return strconv.FormatInt(i, 10), err
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return "0", err
	}
	if literal := strings.TrimPrefix(raw, "+"); json.Valid([]byte(literal)) {
		return literal, nil
	}
	return strconv.FormatFloat(f, 'g', -1, 64), nil
}

func tooLarge(raw string, at position, err error) *complaint {
	if err == nil {
		return nil
	}
	return complain(ruleNumber, at, "quote it if it is meant as text", "%s is too large for a number",
		quote(raw))
}

func leadingZeroHint(raw string) string {
	octal, err := strconv.ParseInt(raw, 8, 64)
	if err != nil || octal < 0 || octal > math.MaxInt32 {
		return "quote it if it is meant as text"
	}
	return "quote it if it is meant as text, or write 0o" + strconv.FormatInt(octal, 8)
}
