package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// checksPerBeat is how often a quiet stream looks into the log per heartbeat.
const checksPerBeat = 3

// reconnectMS is how long a browser waits before it connects again.
const reconnectMS = 1000

// getEvents answers with the records of a job: as server-sent events when the
// client accepts those, else as a JSON array of what there is.
func (g *Gateway) getEvents(x *exchange) error {
	x.w.Header().Set("Vary", "Accept")
	streams := strings.Contains(x.r.Header.Get("Accept"), api.ContentTypeStream)
	if streams && x.r.Method == http.MethodGet {
		return g.streamEvents(x)
	}
	return g.getHistory(x)
}

// streamEvents follows a job until its final record.
func (g *Gateway) streamEvents(x *exchange) error {
	id := x.r.PathValue("id")
	if !events.ValidToken(id) {
		return noJob(id) // before it becomes part of a subject
	}
	after, err := lastEventID(x.r.Header)
	if err != nil {
		return err
	}
	release, err := g.followers.take(x.r.Context(), followerPatience)
	if err != nil {
		return err
	}
	defer release()
	s := &eventStream{x: x, id: id}
	f, err := g.follow(g.Streams, x.tenant, id, after, s.record)
	if err != nil {
		return err
	}
	defer f.close()
	// After the subscription, so that a job that ends now is seen either way.
	last, err := lastRecord(x.r.Context(), g.Streams, x.tenant, id)
	if err != nil {
		return err
	}
	progress := make(chan *bus.Message, followBuffer)
	stop, err := g.Streams.Subscribe(events.ProgressOf(x.tenant, id), func(m *bus.Message) {
		select {
		case progress <- m:
		default: // the next one says more
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	if err := s.begin(); err != nil {
		return err
	}
	if last.Sequence <= after && isFinal(last) {
		err = s.end(last)
	} else {
		err = f.run(x.r.Context(), last, &besides{
			every: g.Limits.Heartbeat / checksPerBeat, tick: s.heartbeat,
			progress: progress, report: s.progress,
		})
	}
	if errors.Is(err, errEnough) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// lastEventID reads where a client wants to go on.
func lastEventID(h http.Header) (uint64, error) {
	v := h.Get("Last-Event-ID")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		return 0, badRequest("Last-Event-ID is not the id of an event: " + v)
	}
	return n, nil
}

// eventStream writes server-sent events.
type eventStream struct {
	x     *exchange
	id    string
	buf   bytes.Buffer
	quiet int // checks since something was sent
}

func (s *eventStream) begin() error {
	h := s.x.w.Header()
	h.Set("Content-Type", api.ContentTypeStream)
	h.Set("X-Accel-Buffering", "no") // proxies must not wait for more
	s.x.w.WriteHeader(http.StatusOK)
	s.buf.WriteString("retry: " + strconv.Itoa(reconnectMS) + "\n\n")
	return s.flush()
}

// record writes a record, and the end after the final one. A job that was rolled
// back later has final records in the middle of its history.
func (s *eventStream) record(m *bus.Message) error {
	var rec struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(m.Data, &rec); err != nil {
		return fault.New(fault.InternalBug, "decode a record", err)
	}
	s.add(strconv.FormatUint(m.Sequence, 10), rec.Type, m.Data)
	if !isFinal(m) {
		return s.flush()
	}
	last, err := lastRecord(s.x.r.Context(), s.x.g.Streams, s.x.tenant, s.id)
	if err == nil && last.Sequence > m.Sequence {
		return s.flush()
	}
	return s.end(m)
}

// end writes the last event.
func (s *eventStream) end(m *bus.Message) error {
	data, err := json.Marshal(api.End{State: stateOf(m), Revision: revisionOf(m)})
	if err != nil {
		return fault.New(fault.InternalBug, "encode the end", err)
	}
	s.add("", api.EventEnd, data)
	if err := s.flush(); err != nil {
		return err
	}
	return errEnough
}

func (s *eventStream) progress(m *bus.Message) error {
	if !json.Valid(m.Data) {
		return nil // rubbish that somebody published by hand
	}
	s.add("", api.EventProgress, m.Data)
	return s.flush()
}

// heartbeat shows that the stream is alive when nothing else has for a while.
func (s *eventStream) heartbeat() error {
	if !s.x.stands() {
		return errEnough // it comes again, and is refused
	}
	if s.quiet++; s.quiet < checksPerBeat {
		return nil
	}
	s.buf.WriteString(": alive\n\n")
	return s.flush()
}

// add writes one event. JSON has line feeds only between its tokens.
func (s *eventStream) add(id, event string, data []byte) {
	if id != "" {
		s.buf.WriteString("id: " + id + "\n")
	}
	s.buf.WriteString("event: " + fault.Clip(event, 100) + "\n")
	for line := range bytes.Lines(data) {
		s.buf.WriteString("data: ")
		s.buf.Write(bytes.TrimRight(line, "\r\n"))
		s.buf.WriteByte('\n')
	}
	s.buf.WriteByte('\n')
}

// flush sends what was added.
func (s *eventStream) flush() error {
	s.quiet = 0
	_, err := s.x.w.Write(s.buf.Bytes())
	s.buf.Reset()
	if err != nil {
		return err
	}
	return s.x.w.flush()
}
