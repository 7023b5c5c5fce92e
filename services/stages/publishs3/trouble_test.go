package publishs3

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/deploy/s3test"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

var large = stagetest.Content{Name: "large", Size: 22 << 20} // 5 parts

// at makes a proxy do something at some requests of an operation, counted from 1.
func at(op string, from, to int, v server.Verdict) func(server.Request) server.Verdict {
	n := 0
	return func(r server.Request) server.Verdict {
		if r.Op == op {
			n++
			if n >= from && n <= to {
				return v
			}
		}
		return server.Verdict{}
	}
}

// TestPassingTrouble makes requests fail for a moment. No attempt fails of it.
func TestPassingTrouble(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	cut, lost := server.Verdict{Cut: true}, server.Verdict{Cut: true, Pass: true}
	slow := server.Verdict{Status: 503, Code: "SlowDown"}
	bad := server.Verdict{Status: 500, Code: "InternalError"}
	first := newWorld(t, s, "first", inMill, text("tiny", "abc"), large)
	for i, test := range []struct {
		op string
		v  server.Verdict
	}{
		{"PutObject", cut},
		{"PutObject", lost},
		{"PutObject", slow},
		{"PutObject", bad},
		{"CreateMultipartUpload", cut},
		{"UploadPart", cut},
		{"UploadPart", lost},
		{"UploadPart", slow},
		{"CompleteMultipartUpload", cut},
		{"CompleteMultipartUpload", lost},
		{"CompleteMultipartUpload", bad},
		{"ListParts", bad},
		{"ListMultipartUploads", cut},
		{"HeadObject", bad},
	} {
		t.Run(fmt.Sprint(test.op, i), func(t *testing.T) {
			t.Parallel()
			w := first.other(fmt.Sprint("job-", i))
			w.T = t
			p := w.process(false)
			p.proxy.Decide(at(test.op, 1, 2, test.v))
			p.mustRun()
			got := s3test.List(t, s) // a large object is put together from parts that were checked
			for _, f := range w.task.Files {
				if !strings.HasSuffix(got[w.task.Job+"/"+f.Name], fmt.Sprint(" ", f.Size)) {
					t.Errorf("%s is %q", f.Name, got[w.task.Job+"/"+f.Name])
				}
			}
		})
	}
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		for key := range s3test.List(t, s) {
			if strings.HasPrefix(key, "upload of") {
				t.Error(key + " is left")
			}
		}
	})
}

// TestLastingTrouble makes requests fail for longer: the attempt fails, and the next
// one goes on.
func TestLastingTrouble(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	first := newWorld(t, s, "first", inMill, large)
	for name, test := range map[string]struct {
		v     server.Verdict
		want  fault.Code
		after time.Duration
		parts int // how often the fourth is sent; 0 for any number
	}{
		"slow down":   {server.Verdict{Status: 503, Code: "SlowDown", RetryAfter: "7"}, fault.S3RateLimited, 7 * time.Second, 1},
		"busy":        {server.Verdict{Status: 503, Code: "ServiceUnavailable", RetryAfter: "9"}, fault.S3Unavailable, 9 * time.Second, 1},
		"broken":      {server.Verdict{Status: 500, Code: "InternalError"}, fault.S3ServerError, 0, tries},
		"cut":         {server.Verdict{Cut: true}, fault.S3ServerError, 0, tries},
		"denied":      {server.Verdict{Status: 403, Code: "AccessDenied"}, fault.S3Denied, 0, 1},
		"full":        {server.Verdict{Status: 507, Code: "InsufficientStorage"}, fault.S3Full, 0, 1},
		"no answer":   {server.Verdict{Wait: time.Hour}, fault.S3Timeout, 0, 0},
		"without xml": {server.Verdict{Status: 504}, fault.S3Timeout, 0, tries},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := first.other("job-" + strings.ReplaceAll(name, " ", "-"))
			w.T = t
			p := w.process(false)
			p.proxy.Decide(func(r server.Request) server.Verdict {
				if r.Op == "UploadPart" && r.Part == 4 {
					return test.v
				}
				return server.Verdict{}
			})
			if test.v.Wait > 0 {
				p.stage.stores["default"].idle = time.Second
			}
			f := p.fails(test.want)
			if f.RetryAfter != test.after || strings.Contains(f.Error(), s.SecretKey) {
				t.Errorf("got %v, after %v", f, f.RetryAfter)
			}
			fourth := 0
			for _, r := range p.proxy.Seen() {
				if r.Part == 4 {
					fourth++
				}
			}
			if test.parts > 0 && fourth != test.parts {
				t.Errorf("part 4 is sent %d times", fourth)
			}
			next := w.process(false)
			next.mustRun()
			if n := next.proxy.Count("UploadPart"); n > 2 {
				t.Errorf("%d parts are sent again", n)
			}
		})
	}
}

// TestDownThenUp has the server go away and come back.
func TestDownThenUp(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	p := newPublisher(Options{
		Endpoints: map[string]Endpoint{"default": endpoint(s, s.URL)},
		Breakers:  breaker.New(breaker.Options{Timeout: -1, Failures: 2, Open: time.Second}),
	})
	defer p.Close()
	job := stagetest.NewJob(t, stagetest.Case{Files: []stagetest.Content{text("a", "abc")}, Config: inMill})
	s.Stop()
	for _, want := range []fault.Code{fault.S3Unreachable, fault.S3Unreachable, fault.BreakerOpen} {
		if _, err := p.Run(t.Context(), job.Attempt()); !fault.Has(err, want) || fault.ClassOf(err) != fault.DependencyDown {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := p.Run(t.Context(), job.Attempt())
		if err == nil {
			return
		}
		if !fault.Has(err, fault.BreakerOpen) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestCredentials are wrong, and then put right in their file.
func TestCredentials(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	file := t.TempDir() + "/credentials"
	e := endpoint(s, s.URL)
	e.AccessKey, e.SecretKey, e.CredentialsFile = "", "", file
	p := newPublisher(Options{Endpoints: map[string]Endpoint{"default": e}})
	defer p.Close()
	job := stagetest.NewJob(t, stagetest.Case{Files: []stagetest.Content{text("a", "abc")}, Config: inMill})
	for i, text := range []string{
		"", "aws_access_key_id = x\n", "[default]\naws_access_key_id=somebody\naws_secret_access_key=hush\n",
		"aws_access_key_id=" + s.AccessKey + "\naws_secret_access_key=hush\n",
		"# right\naws_access_key_id = " + s.AccessKey + "\r\naws_secret_access_key = " + s.SecretKey + "\n",
	} {
		writeFile(t, file, text, time.Unix(int64(1e9+i), 0))
		_, err := p.Run(t.Context(), job.Attempt())
		if i < 4 && (!fault.Has(err, fault.S3Denied) || strings.Contains(err.Error(), "hush")) || i == 4 && err != nil {
			t.Errorf("%d: got %v", i, err)
		}
	}
}

// TestUploadEndedByOthers has somebody end the upload between two attempts, or put
// something else into it.
func TestUploadEndedByOthers(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	for name, change := range map[string]func(c *s3.Client, id, key string) error{
		"ended": func(c *s3.Client, id, key string) error {
			_, err := c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{
				Bucket: aws.String("mill"), Key: &key, UploadId: &id,
			})
			return err
		},
		"written": func(c *s3.Client, id, key string) error {
			_, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
				Bucket: aws.String("mill"), Key: &key, UploadId: &id, PartNumber: aws.Int32(1),
				Body: strings.NewReader(strings.Repeat("x", minPart)), ChecksumAlgorithm: "SHA256",
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, s, "job-"+name, inMill, large)
			p := w.process(false).dies(8, false)
			p.fails("")
			key := "job-" + name + "/large"
			up, err := s.Client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("mill"), Prefix: &key})
			if err != nil || len(up.Uploads) != 1 {
				t.Fatal(up, err)
			}
			if err := change(s.Client(), *up.Uploads[0].UploadId, key); err != nil {
				t.Fatal(err)
			}
			r := w.run()
			w.sees("at last", w.published(w.task.Job))
			if err := w.undo(r); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUploadsOfOthers leaves the uploads of others to the same key alone.
func TestUploadsOfOthers(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	key := "d/large"
	up, err := s.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String("mill"), Key: &key})
	if err == nil {
		_, err = s.Client().UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: aws.String("mill"), Key: &key, UploadId: up.UploadId, PartNumber: aws.Int32(1),
			Body: strings.NewReader("of somebody"),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s, "job", sharedNever, large)
	r := w.run()
	want := w.published("d")
	want["upload of d/large"] = "unfinished"
	w.sees("done", want)
	if err := w.undo(r); err != nil {
		t.Error(err)
	}
	w.sees("undone", map[string]string{"upload of d/large": "unfinished"})
}

// TestCancel cancels a job in the midst of its large file, and while no process has
// it: nothing is left.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	for _, config := range []string{inMill, sharedNever} {
		w := newWorld(t, s, "running", config, text("tiny", "abc"), large)
		p := w.process(false)
		p.proxy.Decide(func(r server.Request) server.Verdict {
			if r.Part == 3 {
				p.end(fault.New(fault.JobCancelled, "", nil))
			}
			return server.Verdict{}
		})
		p.fails(fault.JobCancelled)
		w.sees("cancelled while it runs", map[string]string{})

		w = newWorld(t, s, "waiting", config, text("tiny", "abc"), large)
		w.process(false).dies(8, true).fails("")
		w.cancelled()
		w.process(false).fails(fault.JobCancelled)
		w.sees("cancelled when it had died", map[string]string{})

		w = newWorld(t, s, "undone", config, text("tiny", "abc"), large)
		w.process(false).dies(8, true).fails("")
		w.cancelled()
		if err := w.undo(stage.Result{}); err != nil {
			t.Error(err)
		}
		w.sees("cancelled and undone", map[string]string{})
	}
}

// TestFailureForGood takes back what the step has put there; when the cause is gone
// the step does all of it.
func TestFailureForGood(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	w := newWorld(t, s, "job", sharedNever, text("tiny", "abc"), large, stagetest.Content{Name: "other", Size: 17 << 20})
	put(t, s, "d/other", "of somebody")
	w.process(false).fails(fault.PublishExists)
	w.sees("failed", map[string]string{"d/other": digest("of somebody")})
	if err := s.Delete(t.Context(), "mill", "d/other"); err != nil {
		t.Fatal(err)
	}
	r := w.run()
	w.sees("tried again", w.published("d"))
	if err := w.undo(r); err != nil {
		t.Error(err)
	}
	w.sees("undone", map[string]string{})
}

// TestGoneUploadsAreNoOutage has many attempts find that an upload is gone, which is
// an answer of a store that is well.
func TestGoneUploadsAreNoOutage(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	w := newWorld(t, s, "job", inMill, large)
	p := w.process(false)
	b := &batch{task: p.task, store: p.stage.stores["default"], bucket: s3test.Bucket}
	for range 20 {
		if err := b.abort(t.Context(), upload{key: "x", id: "none"}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.parts(t.Context(), upload{key: "x", id: "none"}, 0); !fault.Has(err, fault.S3UploadGone) {
			t.Fatal(err)
		}
	}
}
