package client

import (
	"bufio"
	"bytes"
	"io"

	"github.com/millrace/millrace/pkg/fault"
)

// maxEvent bounds one server-sent event; a record is at most 1 MiB.
const maxEvent = 4 << 20

// message is one server-sent event.
type message struct {
	id, event string
	data      []byte
}

// stream reads server-sent events.
type stream struct {
	r *bufio.Reader
	// alive is called whenever a line came, also one of a heartbeat.
	alive func()
}

func newStream(r io.Reader, alive func()) *stream {
	return &stream{r: bufio.NewReaderSize(r, 64<<10), alive: alive}
}

// next returns the next event that has data. Faults: client.interrupted at the end
// of the stream, client.bad_answer for an event that is too large.
func (s *stream) next() (message, error) {
	var m message
	size := 0
	for {
		line, err := s.line(maxEvent - size)
		if err != nil {
			return message{}, err
		}
		s.alive()
		size += len(line)
		if len(line) == 0 {
			if m.data != nil {
				return m, nil
			}
			m, size = message{}, 0
			continue
		}
		m.add(line)
	}
}

// add takes one line: "field: value", or a comment that begins with a colon.
func (m *message) add(line []byte) {
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "id":
		m.id = string(value)
	case "event":
		m.event = string(value)
	case "data":
		if m.data != nil {
			m.data = append(m.data, '\n')
		}
		m.data = append(m.data, value...)
		if m.data == nil {
			m.data = []byte{}
		}
	}
}

// line reads up to a line feed, which it drops together with a carriage return.
func (s *stream) line(limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := s.r.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return nil, fault.New(fault.ClientBadAnswer, "an event is too large", nil)
		}
		line = append(line, part...)
		if err == nil {
			return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
		}
		if err != bufio.ErrBufferFull {
			return nil, fault.New(fault.ClientInterrupted, "read the stream", err)
		}
	}
}
