package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Client returns a client of the server that is not part of what is tested. It
// keeps no connection.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.URL), Region: s.Region, UsePathStyle: true,
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey}, nil
		}),
	})
}

// MakeBucket makes an empty bucket.
func (s *Server) MakeBucket(ctx context.Context, bucket string) error {
	_, err := s.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	return err
}

// Put stores an object.
func (s *Server) Put(ctx context.Context, bucket, key string, content io.ReadSeeker) error {
	_, err := s.Client().PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: content})
	return err
}

// Delete removes an object.
func (s *Server) Delete(ctx context.Context, bucket, key string) error {
	_, err := s.Client().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return err
}

// List returns what stands for the content of every object of the bucket, by its
// key: its ETag and its size. It reads none of them.
func (s *Server) List(ctx context.Context, bucket string) (map[string]string, error) {
	found := map[string]string{}
	pages := s3.NewListObjectsV2Paginator(s.Client(), &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			found[aws.ToString(o.Key)] = fmt.Sprintf("%s %d", aws.ToString(o.ETag), aws.ToInt64(o.Size))
		}
	}
	return found, nil
}

// Objects returns the digest of every object of the bucket, by its key. It reads
// all of them.
func (s *Server) Objects(ctx context.Context, bucket string) (map[string]string, error) {
	found, err := s.List(ctx, bucket)
	if err != nil {
		return nil, err
	}
	c := s.Client()
	for key := range found {
		got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		_, err = io.Copy(h, got.Body)
		_ = got.Body.Close()
		if err != nil {
			return nil, err
		}
		found[key] = "sha256:" + hex.EncodeToString(h.Sum(nil))
	}
	return found, nil
}

// Uploads returns the keys of the uploads that were begun and neither completed
// nor aborted.
func (s *Server) Uploads(ctx context.Context, bucket string) ([]string, error) {
	var keys []string
	pages := s3.NewListMultipartUploadsPaginator(s.Client(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			keys = append(keys, aws.ToString(u.Key))
		}
	}
	return keys, nil
}
