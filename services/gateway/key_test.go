package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// TestHeaderKey reads keys as the draft wants them, as clients send them, and those
// that are neither.
func TestHeaderKey(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"abc"`: "abc", `abc`: "abc", ` "abc" `: "abc", `"a \"b\" \\c"`: `a "b" \c`, `"a,b"`: "a,b",
		`"abc";v=1`: "abc", `the "key"`: `the "key"`, `ü`: "ü", `a b`: "a b", `"7"`: "7", `7`: "7",
		`8e03978e-40d5-43e8-bc93-6894a57f9324`: "8e03978e-40d5-43e8-bc93-6894a57f9324",
		strings.Repeat("k", 255):               strings.Repeat("k", 255),
	} {
		key, err := headerKey(keyHeader(value))
		if err != nil || key != want {
			t.Errorf("%q is %q, %v; want %q", value, key, err, want)
		}
	}
	for _, values := range [][]string{
		{""},
		{" "},
		{`""`},
		{`"`},
		{`"abc`},
		{`"abc\"`},
		{`"a\b"`},
		{`"a"b"`},
		{`"a" "b"`},
		{`"a", "b"`},
		{`"a";v=1, "b"`},
		{"a, b"},
		{"a", "b"},
		{"a", "a"},
		{"a\tb"},
		{"a\x00b"},
		{"\"a\nb\""},
		{"a\x7f"},
		{"\xff"},
		{strings.Repeat("k", 256)},
		{`"` + strings.Repeat("k", 256) + `"`},
	} {
		key, err := headerKey(keyHeader(values...))
		if !fault.Has(err, fault.HTTPBadKey) {
			t.Errorf("%q is %q, %v", values, key, err)
		}
	}
	if key, err := headerKey(http.Header{}); key != "" || err != nil {
		t.Errorf("without the header it is %q, %v", key, err)
	}
}

// FuzzHeaderKey checks that a key that was taken is told so that it is taken again.
func FuzzHeaderKey(f *testing.F) {
	for _, value := range []string{`"abc"`, `abc`, `"\"a\""`, `"a,b"`, `" a"`, `"\\"`, `a"`, `"a" ;x`, "\xff", `"a";b`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, err := headerKey(keyHeader(value))
		if err != nil {
			if !fault.Has(err, fault.HTTPBadKey) {
				t.Fatal(err)
			}
			return
		}
		if !validKey(key) {
			t.Fatalf("%q is taken as %q", value, key)
		}
		told := http.Header{}
		tellKey(told, key)
		if again, err := headerKey(told); err != nil || again != key {
			t.Fatalf("%q is told as %q, which is %q, %v", key, told, again, err)
		}
	})
}

func keyHeader(values ...string) http.Header { return http.Header{api.HeaderIdempotencyKey: values} }
