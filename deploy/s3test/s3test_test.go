package s3test_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/s3test"
	"github.com/millrace/millrace/deploy/s3test/server"
)

// through is a client that asks once, at the address url.
func through(s *server.Server, url string) *s3.Client {
	o := s.Client().Options()
	o.BaseEndpoint, o.Retryer = &url, aws.NopRetryer{}
	o.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return s3.New(o)
}

func put(ctx context.Context, c *s3.Client, key, content string) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(s3test.Bucket), Key: &key, Body: strings.NewReader(content),
	})
	return err
}

// TestServer stores an object, kills the server, and finds the object.
func TestServer(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	if err := s.Put(t.Context(), s3test.Bucket, "a/b", strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	up, err := s.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String(s3test.Bucket), Key: aws.String("c"),
	})
	if err != nil || *up.UploadId == "" {
		t.Fatal(err)
	}
	s.Stop()
	if err := put(t.Context(), through(s, s.URL), "d", "x"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a server that is stopped answers %v", err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"a/b":         "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"upload of c": "unfinished",
	}
	if diff := cmp.Diff(want, s3test.Objects(t, s)); diff != "" {
		t.Error(diff)
	}
	if err := s.Delete(t.Context(), s3test.Bucket, "a/b"); err != nil {
		t.Error(err)
	}
}

// TestCloseRemoves closes a server twice.
func TestCloseRemoves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := server.Start(t.Context(), server.Options{Dir: dir, Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MakeBucket(t.Context(), "here"); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir + "/here"); err != nil {
		t.Errorf("the folder of the caller: %v", err)
	}
}

// childVariable tells the test program, when it runs itself, to start a server and
// to be killed.
const childVariable = "MILLRACE_S3TEST_CHILD"

// TestDiesWithItsParent kills a process that has a server.
func TestDiesWithItsParent(t *testing.T) {
	t.Parallel()
	if os.Getenv(childVariable) != "" {
		s := s3test.Start(t)
		fmt.Println(s.URL)
		<-t.Context().Done()
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestDiesWithItsParent$")
	cmd.Env = append(os.Environ(), childVariable+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("the child says %q, %v", url, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", strings.TrimSpace(url[len("http://"):]))
		if err != nil {
			return
		}
		_ = conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("the server lives on")
		}
	}
}

// TestProxy makes every kind of trouble once.
func TestProxy(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	for name, test := range map[string]struct {
		verdict server.Verdict
		code    string // of the error that the server answers
		fails   bool
		there   bool
	}{
		"pass":   {server.Verdict{}, "", false, true},
		"wait":   {server.Verdict{Wait: time.Millisecond}, "", false, true},
		"cut":    {server.Verdict{Cut: true}, "", true, false},
		"lost":   {server.Verdict{Cut: true, Pass: true}, "", true, true},
		"dead":   {server.Verdict{Cut: true, Dead: true}, "", true, false},
		"refuse": {server.Verdict{Status: 503, Code: "SlowDown", RetryAfter: "1"}, "SlowDown", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := s3test.StartProxy(t, s.URL)
			p.Decide(func(r server.Request) server.Verdict {
				if r.N == 1 {
					return test.verdict
				}
				return server.Verdict{}
			})
			err := put(t.Context(), through(s, p.URL), name, "x")
			var api smithy.APIError
			errors.As(err, &api)
			if (err != nil) != test.fails || (api != nil && api.ErrorCode() != test.code) || api == nil && test.code != "" {
				t.Errorf("got %v", err)
			}
			_, there := s3test.Objects(t, s)[name]
			if there != test.there {
				t.Errorf("the object is there: %v", there)
			}
			if err := put(t.Context(), through(s, p.URL), name, "x"); (err != nil) != test.verdict.Dead {
				t.Errorf("later: %v", err)
			}
			want := server.Request{N: 1, Op: "PutObject", Key: name}
			got := p.Seen()[0]
			got.Bytes = 0 // with what the client adds
			if diff := cmp.Diff(want, got); diff != "" || p.Count("PutObject") != 2 {
				t.Errorf("seen %d: %s", p.Count("PutObject"), diff)
			}
		})
	}
}

// TestOperations names what a client asks for.
func TestOperations(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	p := s3test.StartProxy(t, s.URL)
	c, ctx, bucket, key := through(s, p.URL), t.Context(), aws.String(s3test.Bucket), aws.String("k")
	up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(7), Body: bytes.NewReader([]byte("abc")),
	})
	if err != nil || part.ETag == nil {
		t.Fatal(err)
	}
	for _, call := range []func() error{
		func() error {
			_, err := c.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: up.UploadId})
			return err
		},
		func() error {
			_, err := c.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: bucket})
			return err
		},
		func() error {
			_, err := c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: up.UploadId})
			return err
		},
		func() error { return put(ctx, c, "k", "abc") },
		func() error {
			_, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})
			return err
		},
		func() error {
			_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("l"), CopySource: aws.String("mill/k")})
			return err
		},
		func() error {
			_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket})
			return err
		},
		func() error {
			_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
			return err
		},
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	var ops []string
	for _, r := range p.Seen() {
		ops = append(ops, r.Op)
	}
	want := []string{
		"CreateMultipartUpload", "UploadPart", "ListParts", "ListMultipartUploads", "AbortMultipartUpload",
		"PutObject", "HeadObject", "CopyObject", "ListObjects", "DeleteObject",
	}
	if diff := cmp.Diff(want, ops); diff != "" || p.Seen()[1].Part != 7 {
		t.Error(diff)
	}
}
