package schemas

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
)

const digest = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

// outcome is a valid outcome with the given fields in place of its own; a field
// of "" is left out.
func outcome(fields ...string) string {
	order := []string{"job", "tenant", "step", "stage", "attempt", "verdict", "files", "started_at", "ended_at"}
	values := map[string]string{
		"job": `"rcddwuzuja2w7bi626ddqmmtoa"`, "tenant": `"default"`, "step": `"pack"`, "stage": `"compress@1"`,
		"attempt": `1`, "verdict": `"succeeded"`, "files": `[{"name":"a","digest":"` + digest + `","size":1}]`,
		"started_at": `"2026-01-02T03:04:05.006Z"`, "ended_at": `"2026-01-02T03:04:05Z"`,
	}
	for i := 0; i < len(fields); i += 2 {
		if _, known := values[fields[i]]; !known {
			order = append(order, fields[i])
		}
		values[fields[i]] = fields[i+1]
	}
	var parts []string
	for _, k := range order {
		if values[k] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", k, values[k]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// complaints writes what matters of a list of complaints.
func complaints(list []events.ProblemError) string {
	var lines []string
	for _, e := range list {
		lines = append(lines, strings.TrimSpace(e.Pointer+" "+e.Code+": "+e.Detail))
	}
	return strings.Join(lines, "\n")
}

func TestDecodeSubmissionRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ data, want string }{
		"nothing":          {``, "submit.invalid: the payload is empty"},
		"not JSON":         {`hello`, "submit.invalid: not JSON at byte 0"},
		"cut off":          {`{"files":[{"url":"file:///a"`, "/files/0/url submit.invalid: not JSON at byte 28"},
		"trailing data":    {`{"files":[{"url":"file:///a"}]} {}`, "submit.invalid: something follows the JSON value"},
		"not UTF-8":        {"{\"key\":\"\xff\"}", "submit.invalid: the payload is not valid UTF-8"},
		"a list":           {`[]`, "submit.invalid: want object, got array"},
		"null":             {`null`, "submit.invalid: want object, got null"},
		"no files":         {`{}`, `submit.no_files: "files" is missing`},
		"empty files":      {`{"files":[]}`, "/files submit.no_files: want at least 1 items, got 0"},
		"files is a text":  {`{"files":"a"}`, "/files submit.invalid: want array, got string"},
		"misspelled field": {`{"file":[],"files":[{"url":"file:///a"}]}`, `/file submit.invalid: unknown field; did you mean "files"?`},
		"other case":       {`{"Files":[{"url":"file:///a"}]}`, "submit.no_files: \"files\" is missing\n/Files submit.invalid: unknown field; did you mean \"files\"?"},
		"strange field":    {`{"frobnicate":1,"files":[{"url":"file:///a"}]}`, "/frobnicate submit.invalid: unknown field"},
		"field of a file":  {`{"files":[{"url":"file:///a","x":1}]}`, "/files/0/x submit.invalid: unknown field"},
		"no source":        {`{"files":[{"name":"a"}]}`, "/files/0 submit.bad_source: give exactly one of url, digest and inline"},
		"two sources":      {`{"files":[{"url":"file:///a","inline":""}]}`, "/files/0 submit.bad_source: give exactly one of url, digest and inline"},
		"ftp":              {`{"files":[{"url":"ftp://a/b"}]}`, "/files/0/url submit.bad_source: use a file, http or https address of at most 8192 characters, without spaces"},
		"bad digest":       {`{"files":[{"digest":"md5:1"}]}`, "/files/0/digest submit.bad_source: write sha256: and 64 lower-case hex digits"},
		"bad base64":       {`{"files":[{"inline":"???"}]}`, "/files/0/inline submit.bad_source: want valid base64"},
		"negative size":    {`{"files":[{"url":"file:///a","size":-1}]}`, "/files/0/size submit.bad_source: want at least 0"},
		"size 1.0":         {`{"files":[{"url":"file:///a","size":1.0}]}`, "submit.invalid: files.size is not a value that can be read here"},
		"params a list":    {`{"files":[{"url":"file:///a"}],"params":[]}`, "/params submit.invalid: want object, got array"},
		"label a number":   {`{"files":[{"url":"file:///a"}],"labels":{"a/b":1}}`, "/labels/a~1b submit.invalid: want string, got number"},
		"label of spaces":  {`{"files":[{"url":"file:///a"}],"labels":{"a b":"c"}}`, "/labels/a b submit.invalid: a label's key is 1 to 64 of A-Z, a-z, 0-9, dot, slash, _ and -"},
		"key twice":        {`{"key":"a","key":"b","files":[{"url":"file:///a"}]}`, "/key submit.invalid: the key is given twice"},
		"key twice hidden": {`{"files":[{"url":"file:///a"}],"params":{"a":{"b":1,"\u0062":2}}}`, "/params/a/b submit.invalid: the key is given twice"},
		"key of controls":  {`{"key":"a\nb","files":[{"url":"file:///a"}]}`, "/key submit.invalid: use at most 255 bytes of UTF-8 without control characters"},
		"number bomb":      {`{"files":[{"url":"file:///a"}],"params":{"n":1e999999999}}`, "/params/n submit.invalid: a number with an exponent above 400"},
		"long number":      {`{"files":[{"url":"file:///a"}],"params":{"n":` + strings.Repeat("1", 1000) + `}}`, "/params/n submit.invalid: a number with more than 40 characters"},
		"half a surrogate": {`{"files":[{"url":"file:///a"}],"params":{"s":"\ud800"}}`, "/params/s submit.invalid: half of a surrogate pair, which is no character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, list := DecodeSubmission([]byte(test.data))
			if diff := cmp.Diff(test.want, complaints(list)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(events.Submission{}, s); diff != "" {
				t.Errorf("a refused submission is not empty: %s", diff)
			}
		})
	}
}

func TestDecodeSubmissionRefusesNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", ".", "..", "a/b", `a\b`, "../../etc/passwd", "a\nb", "a\x00b", "a\u0085b", strings.Repeat("x", 4096), strings.Repeat("é", 128),
	} {
		data, err := json.Marshal(map[string]any{"files": []any{map[string]any{"url": "file:///a", "name": name}}})
		if err != nil {
			t.Fatal(err)
		}
		_, list := DecodeSubmission(data)
		if len(list) != 1 || list[0].Pointer != "/files/0/name" || list[0].Code != "submit.bad_name" || list[0].Hint == "" {
			t.Errorf("name %q: %v", name, list)
		}
	}
}

func TestDecodeSubmissionRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	source := `{"url":"file:///a"}`
	inline := func(n int) string {
		return `{"files":[{"inline":"` + base64.StdEncoding.EncodeToString(make([]byte, n)) + `"}]}`
	}
	for name, test := range map[string]struct{ data, want string }{
		"payload": {`{"files":[` + source + `],"params":{"a":"` + strings.Repeat("x", MaxBytes) + `"}}`, "submit.too_large: the payload has 1048625 bytes, more than 1048576"},
		"params":  {`{"files":[` + source + `],"params":{"a":"` + strings.Repeat("x", MaxParamsBytes) + `"}}`, "/params submit.too_large: want at most 65536 bytes, got 65544"},
		"inline":  {inline(MaxInlineBytes + 1), "/files/0/inline submit.too_large: want at most 65536 bytes, got 65537"},
		"files":   {`{"files":[` + strings.Repeat(source+",", 1000) + source + `]}`, "/files submit.invalid: want at most 1000 items, got 1001"},
		"key":     {`{"key":"` + strings.Repeat("é", 128) + `","files":[` + source + `]}`, "/key submit.invalid: want at most 255 bytes, got 256"},
		"depth":   {`{"files":[` + source + `],"params":{"a":` + strings.Repeat("[", 100_000), "/params/a" + strings.Repeat("/0", 62) + " submit.invalid: nested deeper than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, list := DecodeSubmission([]byte(test.data))
			if diff := cmp.Diff(test.want, complaints(list)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if _, list := DecodeSubmission([]byte(inline(MaxInlineBytes))); list != nil {
		t.Errorf("inline content at the limit: %s", complaints(list))
	}
}

func TestDecodeSubmissionTakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data string
		want events.Submission
	}{
		"a URL": {
			` { "files" : [ { "url" : "file:///a" } ] } `,
			events.Submission{Files: []events.Source{{URL: "file:///a"}}},
		},
		"everything": {
			`{"key":"k","files":[{"digest":"` + digest + `","name":"ä.txt","size":0,"media_type":"text/plain"}],"params":{"a":[null,1.5e3,"\u00e9"]},"labels":{"team":""}}`,
			events.Submission{
				Key:    "k",
				Files:  []events.Source{{Digest: digest, Name: "ä.txt", MediaType: "text/plain"}},
				Params: json.RawMessage(`{"a":[null,1.5e3,"\u00e9"]}`),
				Labels: map[string]string{"team": ""},
			},
		},
		"an empty file inline": {
			`{"files":[{"inline":"","name":"empty"}]}`,
			events.Submission{Files: []events.Source{{Inline: []byte{}, Name: "empty"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, list := DecodeSubmission([]byte(test.data))
			if list != nil {
				t.Fatal(complaints(list))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecodeOutcomeRefuses(t *testing.T) {
	t.Parallel()
	bad := `{"code":"a.b","class":"transient","x":1}`
	for name, test := range map[string]struct{ data, want string }{
		"noise":              {"\x00\x01", "bus.undecodable: not JSON at byte 0"},
		"no fault":           {outcome("verdict", `"failed"`), `bus.undecodable: "fault" is missing`},
		"fault of a success": {outcome("fault", `{"code":"a.b","class":"transient"}`), "bus.undecodable: only a failed attempt has a fault"},
		"field of the fault": {outcome("verdict", `"failed"`, "fault", bad), "/fault/x bus.undecodable: unknown field"},
		"field of a file":    {outcome("files", `[{"name":"a","digest":"`+digest+`","size":1,"x":2}]`), "/files/0/x bus.undecodable: unknown field"},
		"unknown class":      {outcome("verdict", `"failed"`, "fault", `{"code":"a.b","class":"x"}`), `/fault/class bus.undecodable: use one of "unclassified" "transient" "rate_limited" "dependency_down" "timeout" "resource" "data_quality" "schema_mismatch" "policy" "auth" "poison" "conflict" "unknown_effect" "cancelled" "bug"`},
		"attempt 0":          {outcome("attempt", "0"), "/attempt bus.undecodable: want at least 1"},
		"a wildcard":         {outcome("job", `"a.>"`), "/job bus.undecodable: use 1 to 64 of a-z, 0-9, _ and -"},
		"no version":         {outcome("stage", `"compress"`), "/stage bus.undecodable: write name@version, for example compress@1"},
		"a bad time":         {outcome("started_at", `"yesterday"`), "/started_at bus.undecodable: want a valid date-time"},
		"a leap second":      {outcome("started_at", `"2016-12-31T23:59:60Z"`), "bus.undecodable: it has a value that cannot be read here"},
		"a null":             {outcome("logic", "null"), "/logic bus.undecodable: want string, got null"},
		"no size":            {outcome("files", `[{"name":"a","digest":"`+digest+`"}]`), `/files/0 bus.undecodable: "size" is missing`},
		"no job":             {outcome("job", ""), `bus.undecodable: "job" is missing`},
		"a long name":        {outcome("files", `[{"name":"`+strings.Repeat("é", 128)+`","digest":"`+digest+`","size":1}]`), "/files/0/name bus.undecodable: want at most 255 bytes, got 256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, list := DecodeOutcome([]byte(test.data))
			if diff := cmp.Diff(test.want, complaints(list)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(events.AttemptOutcome{}, o); diff != "" {
				t.Errorf("a refused outcome is not empty: %s", diff)
			}
		})
	}
}

func TestDecodeOutcomeTakesBothWays(t *testing.T) {
	t.Parallel()
	want := events.AttemptOutcome{
		Job: "rcddwuzuja2w7bi626ddqmmtoa", Tenant: "default", Step: "pack", Stage: "compress@1", Attempt: 1,
		Verdict: events.VerdictSucceeded, Files: []events.File{{Name: "a", Digest: digest, Size: 1}},
		StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), EndedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for name, data := range map[string]string{
		"regular":       outcome(),
		"with escapes":  outcome("tenant", `"d\u0065fault"`),
		"with an empty": outcome("logic", `""`),
	} {
		got, list := DecodeOutcome([]byte(data))
		if list != nil {
			t.Errorf("%s: %s", name, complaints(list))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestDecodeCommand(t *testing.T) {
	t.Parallel()
	got, list := DecodeCommand([]byte(`{"verb":"cancel","reason":"wrong file","by":"ann"}`))
	if diff := cmp.Diff(events.Command{Verb: events.VerbCancel, Reason: "wrong file", By: "ann"}, got); diff != "" || list != nil {
		t.Errorf("%s %s", complaints(list), diff)
	}
	for data, want := range map[string]string{
		`{"verb":"stop"}`:               `/verb bus.undecodable: use one of "cancel" "retry" "abandon" "pause" "resume" "skip" "accept" "rollback" "rerun"`,
		`{"verb":"cancel","hard":true}`: "/hard bus.undecodable: unknown field",
		`{}`:                            `bus.undecodable: "verb" is missing`,
		`"cancel"`:                      "bus.undecodable: want object, got string",
	} {
		if _, list := DecodeCommand([]byte(data)); complaints(list) != want {
			t.Errorf("%s: got %s, want %s", data, complaints(list), want)
		}
	}
}

func TestComplaintsAreBoundedAndKeepSecrets(t *testing.T) {
	t.Parallel()
	secret := "ftp://user:hunter2@host/?token=hunter2"
	data := `{"files":[` + strings.Repeat(`{"url":"`+secret+`"},`, 99) + `{"url":"x"}]}`
	_, list := DecodeSubmission([]byte(data))
	if len(list) != maxComplaints {
		t.Errorf("got %d complaints, want %d", len(list), maxComplaints)
	}
	if strings.Contains(complaints(list), "hunter2") {
		t.Errorf("a complaint repeats the value: %s", complaints(list))
	}
}
