package upload

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/pkg/fault"
)

// Bounds of what a client may say about its upload.
const (
	maxMetadata = 8 << 10
	maxFields   = 128
)

// parseMetadata reads the Upload-Metadata header: names with values in base64 and
// commas between. The protocol's handler would overlook what is malformed, and with
// it perhaps the name of the pipeline. Fault: upload.bad_metadata.
func parseMetadata(h http.Header) (fields map[string]string, raw string, err error) {
	raw = strings.Join(h.Values("Upload-Metadata"), ",")
	if len(raw) > maxMetadata {
		return nil, "", badMetadata("it is longer than 8 KiB")
	}
	fields = map[string]string{}
	if strings.TrimSpace(raw) == "" {
		return fields, "", nil
	}
	for part := range strings.SplitSeq(raw, ",") {
		name, coded, _ := strings.Cut(strings.TrimSpace(part), " ")
		if name == "" {
			return nil, "", badMetadata("a name is missing")
		}
		value, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			return nil, "", badMetadata("the value of " + name + " is not base64")
		}
		if !utf8.Valid(value) {
			return nil, "", badMetadata("the value of " + name + " is not UTF-8")
		}
		if _, twice := fields[name]; twice {
			return nil, "", badMetadata(name + " is there twice")
		}
		fields[name] = string(value)
		if len(fields) > maxFields {
			return nil, "", badMetadata("there are more than 128 fields")
		}
	}
	return fields, raw, nil
}

func badMetadata(detail string) error {
	return fault.New(fault.UploadBadMetadata, fault.Clip(detail, 200), nil)
}
