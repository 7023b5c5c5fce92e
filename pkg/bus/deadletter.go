package bus

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// What a dead letter keeps at most of a message.
const (
	deadData    = 64 << 10
	deadHeaders = 32 << 10
	deadWait    = 5 * time.Second
)

// bury stores a message, with the reason, where people find it. The same
// message is stored once, however often it is tried.
func (f *flow) bury(d *delivery, code fault.Code, reason error) error {
	f.mu.Lock()
	consumer := f.source.Consumer
	f.mu.Unlock()
	letter := deadLetter(d, consumer, code, reason)
	data, err := json.Marshal(letter)
	if err != nil {
		return fault.New(fault.BusBadMessage, "encode dead letter", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), deadWait)
	defer cancel()
	return f.conn.Publish(ctx, Out{
		Subject: events.DeadSubject(token(consumer), f.tenantOf(d.m.Subject)),
		ID:      events.LetterID(letter.Stream, letter.Sequence, d.m.Time),
		Header: map[string]string{
			events.HeaderContentType:   events.ContentTypeJSON,
			events.HeaderCESpecVersion: events.SpecVersion,
			events.HeaderCEType:        events.CEType("message.dead"),
			events.HeaderCESource:      events.CESource,
			events.HeaderCEID:          events.DeadID(letter.Stream, letter.Sequence),
			events.HeaderCETime:        letter.Time.Format(time.RFC3339Nano),
			events.HeaderCEDataSchema:  events.DataSchema("dead_letter"),
			events.HeaderCode:          letter.Code,
		},
		Data: data,
	})
}

func deadLetter(d *delivery, consumer string, code fault.Code, reason error) events.DeadLetter {
	l := events.DeadLetter{
		Consumer: consumer,
		Stream:   d.m.Stream,
		Sequence: d.m.Sequence,
		Subject:  d.m.Subject,
		Code:     string(code),
		Reason:   code.Info().Text,
		Hint:     code.Info().Hint,
		Headers:  clipHeaders(d.raw.Header),
		Data:     d.raw.Data[:min(len(d.raw.Data), deadData)],
		Size:     int64(len(d.raw.Data)),
		Time:     time.Now().UTC(),
	}
	if reason != nil {
		l.Reason = reasonText(reason)
	}
	return l
}

// clipHeaders keeps headers up to a size; what lies beyond is left out. The id of
// the message comes first: it may stand for an idempotency key.
func clipHeaders(h map[string][]string) map[string][]string {
	keys := slices.Sorted(maps.Keys(h))
	if i, found := slices.BinarySearch(keys, events.HeaderMsgID); found {
		keys = slices.Insert(slices.Delete(keys, i, i+1), 0, events.HeaderMsgID)
	}
	out := map[string][]string{}
	size := 0
	for _, k := range keys {
		for _, v := range h[k] {
			if size += len(k) + len(v); size > deadHeaders {
				return out
			}
			out[k] = append(out[k], v)
		}
	}
	return out
}

// tenantOf names the tenant whose dead letter it is.
func (f *flow) tenantOf(subject string) string {
	if f.opts.DeadTenant != nil {
		if t := f.opts.DeadTenant(subject); events.ValidToken(t) {
			return t
		}
	}
	return events.DefaultTenant
}

// token makes a name fit for one token of a subject.
func token(name string) string {
	t := strings.Map(func(r rune) rune {
		if r < 0x80 && events.ValidToken(string(r)) {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if t = t[:min(len(t), 64)]; t == "" {
		return "unknown"
	}
	return t
}
