package publishs3

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"MILLRACE_S3_MY_STORE_ACCESS_KEY": "key", "MILLRACE_S3_MY_STORE_SECRET_KEY": "hush",
		"MILLRACE_S3_MY_STORE_SESSION_TOKEN": "token", "MILLRACE_S3_HALF_ACCESS_KEY": "key",
	}
	for text, want := range map[string]Endpoint{
		"my-store=https://s3.example.org": {
			URL: "https://s3.example.org", AccessKey: "key", SecretKey: "hush", SessionToken: "token",
		},
		"my-store=http://127.0.0.1:7070/?path_style=true&region=eu-1": {
			URL: "http://127.0.0.1:7070", Region: "eu-1", PathStyle: true,
			AccessKey: "key", SecretKey: "hush", SessionToken: "token",
		},
		"default=aws?region=eu-central-1&credentials=/etc/x": {Region: "eu-central-1", CredentialsFile: "/etc/x"},
	} {
		name, e, err := ParseEndpoint(text, func(v string) string { return env[v] })
		if err != nil || !strings.HasPrefix(text, name+"=") {
			t.Errorf("%s: %q, %v", text, name, err)
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for _, text := range []string{
		"", "x", "=https://x", "X=https://x", "a/b=https://x", "a=ftp://x", "a=https://", "a=https://u:hush@x",
		"a=https://x/path", "a=https://x?path_style=perhaps&credentials=y", "a=https://x?color=red",
		"a=https://x?%zz", "a=https://x", "half=https://x", "a=:", "a=aws/x?credentials=y",
	} {
		_, _, err := ParseEndpoint(text, func(v string) string { return env[v] })
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseEndpoint(f *testing.F) {
	f.Add("my-store=https://s3.example.org?region=eu-1&path_style=true&credentials=/etc/x")
	f.Add("default=aws")
	f.Fuzz(func(t *testing.T, text string) {
		name, e, err := ParseEndpoint(text, func(string) string { return "x" })
		if err == nil && (!endpointName.MatchString(name) || e.URL != "" && checkURL(e.URL) != nil) {
			t.Errorf("%q is %q, %+v", text, name, e)
		}
	})
}

func TestPartSize(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]int64{
		small + 1: minPart, 48 << 30: minPart, 50 << 30: 6 << 20, 625 << 30: maxPart,
	} {
		got := partSize(size)
		if got != want || (size+got-1)/got > maxParts {
			t.Errorf("%d: %d, want %d", size, got, want)
		}
	}
	if partSize(626<<30) <= maxPart {
		t.Error("a file of 626 GiB is sent")
	}
}
