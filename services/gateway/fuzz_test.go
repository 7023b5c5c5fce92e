package gateway

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// FuzzParseSubmission checks that whatever comes is refused with a code, or becomes
// a payload that says the same.
func FuzzParseSubmission(f *testing.F) {
	f.Add([]byte(`{"pipeline":"p","files":[{"inline":"aGVsbG8K","name":"hello.txt"}]}`), "")
	f.Add([]byte(`{"pipeline":"p","key":"k","files":[{"url":"file:///x"}],"params":{"a":[1,2.5e3,null]},"labels":{"x":"y"}}`), `"k"`)
	f.Add([]byte(`{"\u0070ipeline":"p","pipeline":"q","files":[]}`), "k")
	f.Add([]byte(`{"files":[{"digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}],"pipeline":"p"} `), "ü")
	f.Add([]byte(`{"pipeline":"0","files":[{"inline":""}]}`), "\x8b")
	f.Add([]byte(`[[[[[[`), "")
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		h := http.Header{}
		if key != "" {
			h.Set("Idempotency-Key", key)
		}
		s, err := parseSubmission(body, h)
		if err != nil {
			p, _ := (&exchange{}).problem(err)
			if p.Status < 400 || p.Status >= 500 || p.Code == "" {
				t.Fatalf("%q: %+v", body, p)
			}
			return
		}
		if !events.ValidToken(s.pipeline) || s.key == "" || len(s.key) > maxKey {
			t.Fatalf("%q became %+v", body, s)
		}
		var in, out map[string]any
		if json.Unmarshal(body, &in) != nil || json.Unmarshal(s.payload, &out) != nil {
			t.Fatalf("%q became %q", body, s.payload)
		}
		if out["key"] != s.key {
			t.Fatalf("key %v, want %q", out["key"], s.key)
		}
		delete(in, "pipeline")
		delete(in, "key")
		delete(out, "key")
		if !reflect.DeepEqual(in, out) {
			t.Fatalf("%q became %q", body, s.payload)
		}
	})
}

// FuzzRange checks that a range never leaves the content.
func FuzzRange(f *testing.F) {
	f.Add("bytes=0-0", int64(1))
	f.Add("bytes=-5", int64(3))
	f.Add("bytes=5-", int64(0))
	f.Add("bytes=9223372036854775807-9223372036854775808", int64(1<<62))
	f.Fuzz(func(t *testing.T, spec string, size int64) {
		if size < 0 {
			return
		}
		s, err := rangeOf(http.Header{"Range": {spec}}, size, `"e"`)
		if err != nil {
			if !fault.Has(err, fault.ArtifactBadRange) {
				t.Fatal(err)
			}
			return
		}
		if s.start < 0 || s.length < 0 || s.start+s.length > size || s.partial && s.length == 0 ||
			!s.partial && (s.start != 0 || s.length != size) {
			t.Fatalf("%q of %d: %+v", spec, size, s)
		}
	})
}

func FuzzUploadQuery(f *testing.F) {
	f.Add("pipeline=p&name=x&param.a=1&label.b=2&key=k&media_type=text/plain")
	f.Add("pipeline=p&params=%7B%7D")
	f.Add("name=..%2F&x")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseUploadQuery(raw, true)
		if err != nil {
			if c := fault.From(err).Code.Info(); c.Status < 400 || c.Status >= 500 {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		if !events.ValidToken(q.pipeline) || len(q.key) > maxKey || !printable(q.mediaType) {
			t.Fatalf("%q became %+v", raw, q)
		}
	})
}

func FuzzPrefer(f *testing.F) {
	f.Add("wait=10")
	f.Add(`respond-async, wait="5";x`)
	f.Add("wait=-1")
	f.Add("wait=99999999999999999999")
	f.Fuzz(func(t *testing.T, v string) {
		if d := preferredWait(http.Header{"Prefer": {v}}, time.Minute); d < 0 || d > time.Minute {
			t.Fatalf("%q is %s", v, d)
		}
	})
}

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]time.Duration{
		"wait=10": 10 * time.Second, "WAIT = 10": 10 * time.Second, "respond-async, wait=5;x=y": 5 * time.Second,
		`wait="7"`: 7 * time.Second, "wait=1000": time.Minute, "wait=-1": 0, "wait": 0, "": 0, "waiting=3": 0,
	} {
		if got := preferredWait(http.Header{"Prefer": {v}}, time.Minute); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
}
