package publishs3

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
)

// Limits of a request.
const (
	// idle is how long a request may take while nothing is sent, and patient the
	// same for requests that make the store copy what it has.
	idle    = time.Minute
	patient = 15 * time.Minute
	// expectation is how long a store may take to say that it wants the content. One
	// that refuses does so before anything was sent.
	expectation = 500 * time.Millisecond
	// linger is how long a request that changes something may go on when the
	// attempt has ended.
	linger = 2 * time.Second
	// tries is how often a request is sent that failed for a moment.
	tries = 3
)

// store is one object store, as all steps use it. It is safe for concurrent use.
type store struct {
	s3       *s3.Client
	breakers *breaker.Registry
	name     string // of the dependency
	// idle is the limit of that name.
	idle time.Duration
	// copyLimit is the largest object that is copied by one request.
	copyLimit int64
}

func newStore(name string, e Endpoint, transport http.RoundTripper, b *breaker.Registry) *store {
	o := s3.Options{
		Region: e.Region, UsePathStyle: e.PathStyle, Credentials: &credentials{e: e},
		HTTPClient: &http.Client{Transport: transport, CheckRedirect: stay},
		Retryer:    aws.NopRetryer{}, HTTPSignerV4: freshSigner{}, // see call
		// Contents carry a digest that is known without reading them once more.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	host := "aws"
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if e.URL != "" {
		o.BaseEndpoint = &e.URL
		if u, err := url.Parse(e.URL); err == nil {
			host = u.Host
		}
	}
	return &store{s3: s3.New(o), breakers: b, name: "s3:" + name + ":" + host, idle: idle, copyLimit: 5 << 30}
}

// stay follows no redirect: they lead where the operator did not.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// unsigned leaves the content out of the signature, which its digest is part of.
func unsigned(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

// call sends a request through the breaker of the store, and again when it failed
// for a moment. send is called for each try; it is given up when nothing was sent
// for as long as limit. what and key say what was asked for.
func (s *store) call(
	ctx context.Context, limit time.Duration, what, key string, send func(context.Context, *pulse) error,
) error {
	return s.send(ctx, limit, 0, what, key, send)
}

// send is call for a request that goes on for a while when ctx has ended.
func (s *store) send(
	ctx context.Context, limit, after time.Duration, what, key string,
	send func(context.Context, *pulse) error,
) error {
	for try := 1; ; try++ {
		var answer error
		err := s.breakers.Do(ctx, s.name, func(ctx context.Context) error {
			ctx, p := watch(ctx, limit, after)
			defer p.stop()
			if err := send(ctx, p); err != nil {
				err = classify(ctx, what+" "+key, err)
				if !fault.Has(err, fault.S3UploadGone) && !fault.Has(err, fault.S3Mismatch) {
					return err
				}
				answer = err // which says nothing against the store
			}
			return nil
		})
		if err == nil {
			err = answer
		}
		if err != nil && try > 1 && !passing(err) {
			return &unsure{err}
		}
		if err == nil || try == tries || !passing(err) {
			return err
		}
		if !wait(ctx, time.Duration(1+rand.Int64N(int64(100*time.Millisecond)<<(2*try)))) {
			return err
		}
	}
}

// unsure is the error of another try: what became of the ones before is not known.
type unsure struct{ error }

func (e *unsure) Unwrap() error { return e.error }

// change is call for a request that changes something. It is not given up at once
// when ctx ends: the store might carry it out after somebody has looked what there
// is to take back.
func (s *store) change(
	ctx context.Context, limit time.Duration, what, key string, send func(context.Context, *pulse) error,
) error {
	return s.send(ctx, limit, linger, what, key, send)
}

// passing reports whether another try may help soon.
func passing(err error) bool {
	f := fault.From(err)
	switch f.Code {
	case fault.S3ServerError, fault.S3Timeout, fault.S3RateLimited, fault.S3Mismatch:
		return f.RetryAfter == 0
	}
	return false
}

// wait reports whether ctx lived that long.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
