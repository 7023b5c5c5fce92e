package schemas

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for i := range many {
		many[i] = `"k` + strings.Repeat("x", i) + `":0`
	}
	for data, want := range map[string]string{
		`{}`:                     "",
		` [ ] `:                  "",
		`"a"`:                    "",
		`-0.5e+10`:               "",
		`0`:                      "",
		`[true,false,null]`:      "",
		`{"a":{"a":[{"a":1}]}}`:  "",
		`{"a/~b":{"c":1,"c":2}}`: "/a~1~0b/c the key is given twice",
		`[1,[2,{"a":x}]]`:        "/1/1/a not JSON at byte 11",
		`{"a":1,}`:               "/a not JSON at byte 7",
		`{"a" 1}`:                " not JSON at byte 5",
		`{a:1}`:                  " not JSON at byte 1",
		`[1 2]`:                  "/0 not JSON at byte 3",
		`[1,]`:                   "/1 not JSON at byte 3",
		`[`:                      "/0 not JSON at byte 1",
		`"a`:                     " not JSON at byte 2",
		`"a\`:                    " not JSON at byte 3",
		`"\x"`:                   " not JSON at byte 4",
		"\"a\tb\"":               " not JSON at byte 2",
		`01`:                     " something follows the JSON value",
		`1.`:                     " not JSON at byte 2",
		`1e`:                     " not JSON at byte 2",
		`-`:                      " not JSON at byte 1",
		`tru`:                    " not JSON at byte 0",
		`1e-401`:                 " a number with an exponent above 400",
		`"\ud83d\ude00"`:         "",
		`"\uFFFD"`:               "",
		`"\ud83d"`:               " half of a surrogate pair, which is no character",
		strings.Repeat("[", 64) + strings.Repeat("]", 64): "",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): strings.Repeat("/0", 64) + " nested deeper than 64",
		"{" + strings.Join(many, ",") + "}":               "",
		"{" + strings.Join(many, ",") + `,"k":1}`:         "/k the key is given twice",
	} {
		_, pointer, detail := scan([]byte(data), nil)
		if got := strings.TrimSuffix(pointer+" "+detail, " "); got != want {
			t.Errorf("%s: got %q, want %q", data, got, want)
		}
	}
}

// FuzzScan holds the scanner against encoding/json: what it passes is JSON, and
// what it calls broken is none.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u00e9",true,null,{}]}`, `{"a":1,"a":2}`, `[1,]`, `"\ud800"`, "\xff", `{"a":{"b":{}}} x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, detail := scan(data, nil)
		if broken := strings.HasPrefix(detail, "not JSON"); detail == "" || broken {
			if valid := json.Valid(data); valid == broken {
				t.Errorf("%q: json.Valid says %v, scan says %q", data, valid, detail)
			}
		}
		if detail == "" && hasTwice(t, json.NewDecoder(strings.NewReader(string(data)))) {
			t.Errorf("%q: has a key twice", data)
		}
	})
}

// hasTwice finds a key that is given twice, in the slow and obvious way.
func hasTwice(t *testing.T, d *json.Decoder) bool {
	t.Helper()
	type level struct {
		object, value bool
		keys          map[string]bool
	}
	var levels []level
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		top := len(levels) - 1
		if key, ok := tok.(string); ok && top >= 0 && levels[top].object && !levels[top].value {
			if levels[top].keys[key] {
				return true
			}
			levels[top].keys[key] = true
			levels[top].value = true
			continue
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			if top >= 0 {
				levels[top].value = false
			}
			levels = append(levels, level{object: tok == json.Delim('{'), keys: map[string]bool{}})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:top]
		default:
			if top >= 0 {
				levels[top].value = false
			}
		}
	}
}
