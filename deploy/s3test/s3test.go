// Package s3test gives a test a real S3 server. See package server for what it is,
// and for the proxy that makes trouble.
package s3test

import (
	"context"
	"testing"

	"github.com/millrace/millrace/deploy/s3test/server"
)

// Bucket is the bucket that a server of [Start] has.
const Bucket = "mill"

// Start starts a server with an empty [Bucket], which ends with the test. The first
// call on a machine builds the server, which takes about a minute.
func Start(t testing.TB) *server.Server { return StartWith(t, server.Options{}) }

// StartWith is Start with options.
func StartWith(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	s, err := server.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	if err := s.MakeBucket(t.Context(), Bucket); err != nil {
		t.Fatal(err)
	}
	return s
}

// StartProxy starts a proxy before the server at url, which ends with the test.
func StartProxy(t testing.TB, url string) *server.Proxy {
	t.Helper()
	p, err := server.NewProxy(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Objects returns the digests of the objects of [Bucket] by their keys, with an
// entry for every upload that was begun and not ended.
func Objects(t testing.TB, s *server.Server) map[string]string {
	t.Helper()
	return with(t, s, s.Objects)
}

// List returns the same as Objects, with ETag and size of each object instead of its
// digest, so that nothing is read.
func List(t testing.TB, s *server.Server) map[string]string {
	t.Helper()
	return with(t, s, s.List)
}

// with adds the uploads to what list says of the objects.
func with(
	t testing.TB, s *server.Server, list func(context.Context, string) (map[string]string, error),
) map[string]string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	found, err := list(ctx, Bucket)
	if err != nil {
		t.Fatal(err)
	}
	uploads, err := s.Uploads(ctx, Bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range uploads {
		found["upload of "+key] = "unfinished"
	}
	return found
}
