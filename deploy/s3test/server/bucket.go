package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Client returns a client of the server that is not part of what is tested.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.URL), Region: s.Region, UsePathStyle: true,
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

// Objects returns the digest of every object of the bucket, by its key. It reads
// all of them.
func (s *Server) Objects(ctx context.Context, bucket string) (map[string]string, error) {
	found := map[string]string{}
	c := s.Client()
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
			if err != nil {
				return nil, err
			}
			h := sha256.New()
			_, err = io.Copy(h, got.Body)
			_ = got.Body.Close()
			if err != nil {
				return nil, err
			}
			found[*o.Key] = "sha256:" + hex.EncodeToString(h.Sum(nil))
		}
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
