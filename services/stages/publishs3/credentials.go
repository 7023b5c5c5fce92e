package publishs3

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// credentials are those of an endpoint.
type credentials struct {
	e Endpoint

	mu      sync.Mutex
	read    aws.Credentials
	changed time.Time // of the file that was read
}

// freshSigner signs with the credentials that it is given. The usual signer goes on
// with the secret that it saw first with an access key, for a day.
type freshSigner struct{}

func (freshSigner) SignHTTP(
	ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string,
	at time.Time, options ...func(*v4.SignerOptions),
) error {
	return v4.NewSigner().SignHTTP(ctx, c, r, payloadHash, service, region, at, options...)
}

// errNoCredentials is all that is said of credentials that cannot be had.
var errNoCredentials = errors.New("the credentials of the endpoint cannot be read")

// Retrieve returns the credentials. The file is read again when it has changed.
func (c *credentials) Retrieve(context.Context) (aws.Credentials, error) {
	if c.e.CredentialsFile == "" {
		return complete(aws.Credentials{
			AccessKeyID: c.e.AccessKey, SecretAccessKey: c.e.SecretKey, SessionToken: c.e.SessionToken,
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.e.CredentialsFile)
	if err != nil {
		return aws.Credentials{}, errNoCredentials
	}
	if c.changed.Equal(info.ModTime()) {
		return c.read, nil
	}
	text, err := os.ReadFile(c.e.CredentialsFile)
	if err != nil {
		return aws.Credentials{}, errNoCredentials
	}
	found, err := complete(parseCredentials(text))
	if err == nil {
		c.read, c.changed = found, info.ModTime()
	}
	return found, err
}

func complete(c aws.Credentials) (aws.Credentials, error) {
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return aws.Credentials{}, errNoCredentials
	}
	return c, nil
}

// parseCredentials reads lines of a key, = and a value. Other lines mean nothing.
func parseCredentials(text []byte) (c aws.Credentials) {
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(string(line), "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "aws_access_key_id":
			c.AccessKeyID = value
		case "aws_secret_access_key":
			c.SecretAccessKey = value
		case "aws_session_token":
			c.SessionToken = value
		}
	}
	return c
}
