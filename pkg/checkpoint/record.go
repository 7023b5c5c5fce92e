package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

const (
	// maxRecord is how long a record may be, and maxState the state in it.
	maxRecord = 512 << 10
	maxState  = 64 << 10

	// A record ends with its own digest, in place of the last brace.
	checkBefore = `,"check":"`
	checkAfter  = `"}`
	checkSize   = len(checkBefore) + len(digestPrefix) + 2*sha256.Size + len(checkAfter)

	digestPrefix = "sha256:"
	// maxName and maxReason bound texts that people read.
	maxName   = 255
	maxReason = 1024
)

// Closing returns the record that ends the chain of a step whose job was
// cancelled. Whoever cancels stores it whatever the newest record is, so it has
// no link: its sequence is 1 and its previous empty. Only the newest few records
// of a chain are kept, so it is not stored more than once without need: an undo
// may want the place before it.
func Closing(k Key, stage string, attempt int, now time.Time) []byte {
	data, err := encode(events.Checkpoint{
		Job: k.Job, Tenant: k.Tenant, Step: k.Step, Stage: stage, Attempt: attempt,
		Kind: events.CheckpointClosed, Sequence: 1, Time: stamp(now),
	})
	if err != nil {
		return nil // of names and numbers: cannot be
	}
	return data
}

// stamp is a time as records have it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return digestPrefix + hex.EncodeToString(sum[:])
}

// encode writes a record, with its own digest at the end. The fault is
// checkpoint.too_large.
func encode(r events.Checkpoint) ([]byte, error) {
	r.Worker = fault.Clip(r.Worker, maxName)
	r.Logic = fault.Clip(r.Logic, maxName)
	r.Reason = fault.Clip(r.Reason, maxReason)
	r.Check = ""
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode a checkpoint", err)
	}
	data := seal(body)
	if len(data) > maxRecord {
		return nil, fault.New(fault.CheckpointTooLarge,
			"record of "+strconv.Itoa(len(data))+" bytes, with its outputs", nil)
	}
	return data, nil
}

// seal ends an object with its digest.
func seal(body []byte) []byte {
	check := digest(body)
	data := append(make([]byte, 0, len(body)+checkSize), body[:len(body)-1]...)
	return append(append(append(data, checkBefore...), check...), checkAfter...)
}

// Decode reads a record of the chain of a step, for those who only look. One that is
// damaged is an error that says what is wrong with it.
func Decode(k Key, data []byte) (*events.Checkpoint, error) { return decode(k, data) }

// decode reads what encode wrote, under that key. Anything else, also by one
// bit, is an error.
func decode(k Key, data []byte) (*events.Checkpoint, error) {
	if len(data) <= checkSize || len(data) > maxRecord {
		return nil, errors.New("it has an impossible length")
	}
	body := append(bytes.Clone(data[:len(data)-checkSize]), '}')
	if !bytes.Equal(seal(body), data) {
		return nil, errors.New("it does not match its own digest")
	}
	var r events.Checkpoint
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, errors.New("it is no checkpoint")
	}
	if r.Tenant != k.Tenant || r.Job != k.Job || r.Step != k.Step {
		return nil, errors.New("it is of another step")
	}
	switch r.Kind {
	case events.CheckpointClaim, events.CheckpointSave, events.CheckpointClosed:
	default:
		return nil, errors.New("it is of an unknown kind")
	}
	if r.Sequence == 0 || r.Saves < 0 || r.Kind == events.CheckpointSave && r.State == nil {
		return nil, errors.New("it is no whole checkpoint")
	}
	return &r, nil
}
