package upload

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// record is how far an upload is, as the bucket keeps it.
type record struct {
	// Size is how long the upload will be, and -1 while the client does not know.
	Size   int64 `json:"size"`
	Offset int64 `json:"offset"`
	// State is where the writer was at the offset. It is absent at the beginning
	// and of content that is complete.
	State artifact.State `json:"state,omitempty"`
	// File is the content when it is complete.
	File *events.File `json:"file,omitempty"`
	Plan Plan         `json:"plan"`
	// Metadata is the header that the client sent, for its own use.
	Metadata string    `json:"metadata,omitempty"`
	Saved    time.Time `json:"saved"`
	Expires  time.Time `json:"expires"`
}

// full reports whether all bytes are there.
func (r *record) full() bool { return r.Size >= 0 && r.Offset == r.Size }

// expired reports whether the client came too late. What is full waits for nobody.
func (r *record) expired(now time.Time) bool { return !r.full() && now.After(r.Expires) }

// outcome is what became of an upload.
type outcome struct {
	State    ending `json:"state"`
	Size     int64  `json:"size"`
	Digest   string `json:"digest,omitempty"`
	Job      string `json:"job,omitempty"`
	Metadata string `json:"metadata,omitempty"`
	// Problem is why there is no job.
	Problem *events.Problem `json:"problem,omitempty"`
}

// ending is how an upload ended.
type ending string

const (
	finished   ending = "finished"
	refused    ending = "refused"
	expired    ending = "expired"
	terminated ending = "terminated"
	lost       ending = "lost" // what was stored is gone
)

// fault is what a client is told that asks for an upload that did not finish.
func (o *outcome) fault() error {
	switch o.State {
	case finished:
		return nil
	case refused:
		if o.Problem != nil {
			return &Refused{Problem: *o.Problem}
		}
	case lost:
		return fault.New(fault.UploadGone, "what was stored of it is gone", nil)
	}
	return fault.New(fault.UploadGone, "it was "+string(o.State), nil)
}

// Refused is a final answer about an upload: it became no job, and asking again
// will not change that.
type Refused struct{ events.Problem }

// Error returns the problem's title and code.
func (r *Refused) Error() string { return r.Title + " (" + r.Code + ")" }

// refuse makes a final answer of a code.
func refuse(code fault.Code, detail string) *Refused {
	f, info := fault.New(code, detail, nil), code.Info()
	return &Refused{events.Problem{
		Type: "https://millrace.dev/faults/" + string(code), Title: info.Text, Status: info.Status,
		Code: string(code), Class: string(info.Class), Detail: f.Message(), Hint: info.Hint,
	}}
}

// idForm is what an id looks like: 130 random bits.
var idForm = regexp.MustCompile(`^[a-z2-7]{26}$`)

func newID() string { return strings.ToLower(rand.Text()) }

// keyOf is the idempotency key of an upload's job. It does not tell the id.
func keyOf(tenant, id string) string {
	sum := sha256.Sum256([]byte("upload\x00" + tenant + "\x00" + id))
	return "upload-" + hex.EncodeToString(sum[:16])
}

func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode an upload", err)
	}
	return data, nil
}
