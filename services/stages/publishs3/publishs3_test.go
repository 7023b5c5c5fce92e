package publishs3

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/s3test"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// endpoint is how the stage reaches a server.
func endpoint(s *server.Server, url string) Endpoint {
	return Endpoint{URL: url, Region: s.Region, PathStyle: true, AccessKey: s.AccessKey, SecretKey: s.SecretKey}
}

// stageAt returns the stage with the server at url as its endpoint.
func stageAt(t *testing.T, s *server.Server, url string) *publisher {
	t.Helper()
	p := newPublisher(Options{Endpoints: map[string]Endpoint{"default": endpoint(s, url)}})
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func text(name, content string) stagetest.Content {
	return stagetest.Content{Name: name, Data: []byte(content)}
}

func put(t *testing.T, s *server.Server, key, content string) {
	t.Helper()
	if err := s.Put(t.Context(), s3test.Bucket, key, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

// putAgain puts an object back to what it was before the case.
func putAgain(s *server.Server, key, content string) func(*testing.T, *stage.Task) {
	return func(t *testing.T, task *stage.Task) {
		if task.Attempt == 1 {
			put(t, s, key, content)
		}
	}
}

func TestKit(t *testing.T) {
	s := s3test.Start(t)
	put(t, s, "shared/taken.txt", "somebody else's")
	put(t, s, "shared/equal.txt", "the same")
	files := []stagetest.Content{
		text("a.txt", "abc"),
		{Name: "big ü.bin", Size: 17 << 20, MediaType: "application/x-big"},
		text("empty", ""),
		{Name: "middle", Size: 2 << 20},
	}
	files[2].Data = []byte{}
	crashes := 6
	if testing.Short() {
		crashes = 3
	}
	stagetest.Test(t, stagetest.Kit{
		Stage: New(Options{
			Endpoints: map[string]Endpoint{"default": endpoint(s, s.URL)},
			// A mill waits for a circuit that is open; the kit, which cuts many requests, does not.
			Breakers: breaker.New(breaker.Options{Timeout: -1, Failures: 1000}),
		}),
		Cases: []stagetest.Case{
			{
				Name: "own prefix", Files: files, Config: `{"bucket":"mill"}`,
				Check: func(t *testing.T, task *stage.Task, r stage.Result) {
					if diff := cmp.Diff(task.Files, r.Files); diff != "" {
						t.Error(diff)
					}
					got := s3test.Objects(t, s)
					for _, f := range task.Files {
						if got[task.Job+"/"+f.Name] != f.Digest {
							t.Errorf("%s is %q", f.Name, got[task.Job+"/"+f.Name])
						}
					}
					want := map[string]string{
						"url": "s3://mill/" + task.Job + "/a.txt", "prefix": "s3://mill/" + task.Job + "/", "files": "4",
					}
					if diff := cmp.Diff(want, r.Findings); diff != "" {
						t.Error(diff)
					}
				},
			},
			{Name: "below", Files: files[:1], Config: `{"bucket":"mill","prefix":"deep/er/still"}`},
			{Name: "top", Files: []stagetest.Content{text("top.txt", "t")}, Config: `{"bucket":"mill","prefix":""}`},
			{Name: "shared large", Files: files[1:2], Config: `{"bucket":"mill","prefix":"large"}`},
			{
				Name: "replace", Files: []stagetest.Content{text("taken.txt", "new")},
				Config:  `{"bucket":"mill","prefix":"shared","overwrite":"always"}`,
				Prepare: putAgain(s, "shared/taken.txt", "somebody else's"),
			},
			{Name: "equal", Files: []stagetest.Content{text("equal.txt", "the same")}, Config: `{"bucket":"mill","prefix":"shared"}`},
			{
				Name: "taken", Files: []stagetest.Content{text("fresh", "f"), text("taken.txt", "new")},
				Config: `{"bucket":"mill","prefix":"shared"}`, Fault: fault.PublishExists,
				Prepare: putAgain(s, "shared/taken.txt", "somebody else's"),
			},
			{Name: "no bucket", Files: files[:1], Config: `{"bucket":"missing"}`, Fault: fault.S3NoBucket},
			{Name: "no files", Config: `{"bucket":"mill"}`, Fault: fault.StageNoInput},
		},
		BadConfigs: []string{
			`{}`, `{"bucket":7}`, `{"bucket":"UPPER"}`, `{"bucket":"arn:aws:s3:::x"}`, `{"bucket":"a/b"}`,
			`{"bucket":"mill","overwrite":"sometimes"}`, `{"bucket":"mill","endpoint":"http://x"}`,
		},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}, Config: `{"bucket":"mill"}`}
		},
		Resumes: true, Unit: 3 * minPart, MaxHeap: 48 << 20, Crashes: crashes, Cancels: 2,
		Effects: func(t *testing.T) map[string]string { return s3test.List(t, s) },
	})
	for key := range s3test.List(t, s) {
		if strings.HasPrefix(key, "upload of ") {
			t.Errorf("%s was left behind", key)
		}
	}
}

// TestRefused has tasks that no request is made for.
func TestRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	for name, test := range map[string]struct {
		files  []string
		config string
		want   fault.Code
	}{
		"no endpoint":    {[]string{"a"}, `{"bucket":"mill","endpoint":"other"}`, fault.S3NoEndpoint},
		"same name":      {[]string{"a", "a"}, `{"bucket":"mill"}`, fault.PublishNameCollision},
		"bad name":       {[]string{"../../x"}, `{"bucket":"mill"}`, fault.S3BadKey},
		"dots":           {[]string{".."}, `{"bucket":"mill"}`, fault.S3BadKey},
		"newline":        {[]string{"a\nb"}, `{"bucket":"mill"}`, fault.S3BadKey},
		"hidden name":    {[]string{".millrace-x"}, `{"bucket":"mill"}`, fault.S3BadKey},
		"up":             {[]string{"a"}, `{"bucket":"mill","prefix":"a/../b"}`, fault.S3BadKey},
		"absolute":       {[]string{"a"}, `{"bucket":"mill","prefix":"/a"}`, fault.S3BadKey},
		"slash at end":   {[]string{"a"}, `{"bucket":"mill","prefix":"a/"}`, fault.S3BadKey},
		"hidden prefix":  {[]string{"a"}, `{"bucket":"mill","prefix":".millrace-old"}`, fault.S3BadKey},
		"long key":       {[]string{long + "a"}, `{"bucket":"mill","prefix":"` + strings.Repeat(long+"/", 5) + `b"}`, fault.S3BadKey},
		"unreachable":    {[]string{"a"}, `{"bucket":"mill"}`, fault.S3Unreachable},
		"no credentials": {[]string{"a"}, `{"bucket":"mill","endpoint":"nobody"}`, fault.S3Denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(Options{Endpoints: map[string]Endpoint{
				"default": {URL: "http://127.0.0.1:1", PathStyle: true, AccessKey: "a", SecretKey: "hush"},
				"nobody":  {URL: "http://127.0.0.1:1", PathStyle: true, CredentialsFile: "/hush/none"},
			}})
			c := stagetest.Case{Config: test.config}
			for _, name := range test.files {
				c.Files = append(c.Files, text(name, "x"))
			}
			_, err := p.Run(t.Context(), stagetest.NewTask(t, c))
			if !fault.Has(err, test.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v", err)
			}
		})
	}
}
