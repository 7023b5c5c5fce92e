package deadletter

import (
	"encoding/json"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// identity is what stands for the job that a submission was to make.
type identity struct {
	// key is its idempotency key, its own or the id of its message.
	key string
	// place stands for the key of one that had none.
	place string
	// free is true when the submission could not be read, so that nobody has ever
	// taken anything for its key.
	free bool
}

// identity finds out what the letter's submission was known by.
func (l *letter) identity() identity {
	var s struct {
		Key string `json:"key"`
	}
	err := json.Unmarshal(l.Data, &s)
	id := identity{key: s.Key, free: err != nil}
	if id.key == "" {
		if v := l.Headers[events.HeaderPlace]; len(v) > 0 && v[0] != "" {
			id.place = v[0] // this is not its first redrive
			return id
		}
		if v := l.Headers[events.HeaderMsgID]; len(v) > 0 {
			id.key = v[0]
		}
	}
	if id.key == "" {
		id.place = events.Place(l.Sequence, l.placed)
	}
	return id
}

// keepIdentity lets a submission make the job that the letter's would have made, and
// returns its id. Fault: deadletter.key_changed, deadletter.invalid.
func (l *letter) keepIdentity(d door, out *bus.Out) (job string, err error) {
	var said struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(out.Data, &said); err != nil {
		return "", d.check(out.Data) // it says better what is wrong
	}
	id := l.identity()
	switch {
	case said.Key != "" && said.Key != id.key && !id.free:
		return "", fault.New(fault.DeadletterKeyChanged, "dead letter "+l.name(), nil)
	case said.Key != "":
		return events.JobID(d.tenant, said.Key), nil
	case id.key != "":
		out.Data, err = withKey(out.Data, id.key)
		return events.JobID(d.tenant, id.key), err
	}
	out.Header[events.HeaderPlace] = id.place
	return events.JobID(d.tenant, "\x00"+id.place), nil
}

// withKey writes the key into a submission.
func withKey(data []byte, key string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, wrong("", "it is not a JSON object")
	}
	text, err := json.Marshal(key)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode a key", err)
	}
	members["key"] = text
	out, err := json.Marshal(members)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode a submission", err)
	}
	return out, nil
}
