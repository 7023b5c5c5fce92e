package publishs3

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Endpoint is an object store that the operator offers to pipelines. Pipelines
// know it by its name alone, and never see its credentials.
type Endpoint struct {
	// URL is the address of the store, http or https, without a path. Empty
	// means AWS in the region.
	URL string
	// Region is what requests are signed for. Empty means us-east-1.
	Region string
	// PathStyle puts the bucket into the path and not before the host name. Most
	// stores of one's own want that.
	PathStyle bool
	// AccessKey, SecretKey and SessionToken are the credentials, unless
	// CredentialsFile is set.
	AccessKey, SecretKey, SessionToken string
	// CredentialsFile is a file that has them in the lines aws_access_key_id,
	// aws_secret_access_key and aws_session_token, each followed by = and the
	// value. It is read again when it has changed.
	CredentialsFile string
}

// ParseEndpoint reads an endpoint as operators write it: its name, "=", and its
// address with options as a query, such as
//
//	backup=https://s3.example.org?region=eu-1&path_style=true&credentials=/etc/millrace/backup
//	default=aws?region=eu-central-1
//
// Credentials that are not in a file are asked of getenv under
// MILLRACE_S3_<NAME>_ACCESS_KEY, …_SECRET_KEY and …_SESSION_TOKEN, with the name in
// capitals and _ for -. The error names what is wrong and holds no secret.
func ParseEndpoint(text string, getenv func(string) string) (name string, e Endpoint, err error) {
	name, address, found := strings.Cut(text, "=")
	if !found || !endpointName.MatchString(name) {
		return "", e, fmt.Errorf("%q does not start with a name of small letters, digits and -, and =", name)
	}
	address, query, _ := strings.Cut(address, "?")
	if address != "aws" {
		if err := checkURL(address); err != nil {
			return "", e, fmt.Errorf("endpoint %s: %w", name, err)
		}
		e.URL = strings.TrimSuffix(address, "/")
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return "", e, fmt.Errorf("endpoint %s: its options are not a query", name)
	}
	if err := e.set(options); err != nil {
		return "", e, fmt.Errorf("endpoint %s: %w", name, err)
	}
	if e.CredentialsFile == "" {
		v := "MILLRACE_S3_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		e.AccessKey, e.SecretKey = getenv(v+"_ACCESS_KEY"), getenv(v+"_SECRET_KEY")
		e.SessionToken = getenv(v + "_SESSION_TOKEN")
		if e.AccessKey == "" || e.SecretKey == "" {
			return "", e, fmt.Errorf("endpoint %s: %s_ACCESS_KEY or %s_SECRET_KEY is not set", name, v, v)
		}
	}
	return name, e, nil
}

// set takes the options of an address.
func (e *Endpoint) set(options url.Values) error {
	for key, values := range options {
		value := values[len(values)-1]
		switch key {
		case "region":
			e.Region = value
		case "credentials":
			e.CredentialsFile = value
		case "path_style":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return fmt.Errorf("path_style is neither true nor false")
			}
			e.PathStyle = on
		default:
			return fmt.Errorf("there is no option %q", key)
		}
	}
	return nil
}

// checkURL refuses what is not plainly the address of a server.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fmt.Errorf("its address is not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("its address is neither aws nor one of http or https")
	case u.User != nil, u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return fmt.Errorf("its address has more than a host")
	}
	return nil
}
