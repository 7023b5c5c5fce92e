package schemas

import (
	"encoding/json"
	"testing"

	"github.com/millrace/millrace/events"
)

// soundness fails when the fast way takes what the schema refuses.
func soundness[T any](t *testing.T, name string, data []byte, sh *shape, sound func(*T) bool) (fast bool) {
	t.Helper()
	regular, _, detail := scan(data, sh)
	var v T
	if detail != "" || !regular || json.Unmarshal(data, &v) != nil || !sound(&v) {
		return false
	}
	if list := validate(name, data); list != nil {
		t.Errorf("the fast way takes what the schema refuses: %s\n%s", data, complaints(list))
	}
	return true
}

// FuzzRegularOutcome holds the hand-written check against the schema.
func FuzzRegularOutcome(f *testing.F) {
	for _, seed := range []string{
		outcome(),
		outcome("logic", `"1"`, "worker", `"w"`, "undo", "true", "findings", `{"ratio":"0.3"}`),
		outcome("verdict", `"failed"`, "files", "", "fault", `{"code":"a.b_c","class":"transient","message":"m","hint":"h","retry_after_ms":5}`),
		outcome("files", `[{"name":"ä","digest":"`+digest+`","size":9007199254740992,"media_type":"a/b"}]`),
		outcome("attempt", "2147483648"), outcome("findings", `{"":"x"}`), outcome("stage", `"a@0"`),
		outcome("started_at", `"2026-01-02T03:04:05+23:59"`), outcome("files", `[{"name":"a","digest":"`+digest+`"}]`),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		soundness(t, "outcome", data, outcomeShape, regularOutcome)
	})
}

// FuzzRegularSubmission holds the hand-written check against the schema.
func FuzzRegularSubmission(f *testing.F) {
	for _, seed := range []string{
		`{"files":[{"url":"file:///a"}]}`,
		`{"key":"k","files":[{"inline":"aGVsbG8K","name":"a"},{"digest":"` + digest + `","size":1,"media_type":"a/b"}],"params":{"a":null},"labels":{"a/b.c-d_e":"x"}}`,
		`{"files":[{"url":"http://a b"}]}`, `{"files":[{"url":"https://"}]}`, `{"files":[{"url":"file:///a","digest":""}]}`,
		`{"files":[{"url":"file:///a"}],"params":null}`, `{"files":[{"url":"file:///a"}],"labels":{"a b":"c"}}`,
		"{\"files\":[{\"url\":\"file:///a\",\"name\":\"\u0085\"}]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		soundness(t, "submission", data, submissionShape, regularSubmission)
	})
}

func TestTheFastWayIsTaken(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		outcome(),
		outcome("verdict", `"failed"`, "files", "", "fault", `{"code":"a.b","class":"transient"}`),
	} {
		if !soundness(t, "outcome", []byte(data), outcomeShape, regularOutcome) {
			t.Errorf("not regular: %s", data)
		}
	}
	for _, data := range []string{
		`{"files":[{"url":"file:///a"}]}`,
		`{"key":"k","files":[{"inline":"aGVsbG8K","name":"a"}],"params":{"a":["",null]},"labels":{"a":"b"}}`,
	} {
		if !soundness(t, "submission", []byte(data), submissionShape, regularSubmission) {
			t.Errorf("not regular: %s", data)
		}
	}
}

// BenchmarkDecodeOutcome measures what the conductor pays for every answer, the
// fast way and through the schema.
func BenchmarkDecodeOutcome(b *testing.B) {
	for name, data := range map[string]string{"regular": outcome(), "schema": outcome("logic", `""`)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, list := DecodeOutcome([]byte(data)); list != nil {
					b.Fatal(complaints(list))
				}
			}
		})
	}
	data := []byte(outcome())
	b.Run("json only", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var o events.AttemptOutcome
			if err := json.Unmarshal(data, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecodeSubmission measures the same for submissions.
func BenchmarkDecodeSubmission(b *testing.B) {
	for name, data := range map[string]string{
		"regular": `{"key":"k","files":[{"url":"file:///a"}]}`,
		"schema":  `{"key":"","files":[{"url":"file:///a"}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, list := DecodeSubmission([]byte(data)); list != nil {
					b.Fatal(complaints(list))
				}
			}
		})
	}
}
