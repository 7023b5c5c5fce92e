package events_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
)

// frame is one protocol message of the package comment.
type frame struct {
	client bool
	bytes  string // with CR LF at the end of each line
}

// session reads the protocol messages of the package comment, in their order.
func session(t *testing.T) []frame {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var frames []frame
	for line := range strings.SplitSeq(file.Doc.Text(), "\n") {
		text, client := strings.CutPrefix(line, "\tC:")
		if !client {
			var server bool
			if text, server = strings.CutPrefix(line, "\tS:"); !server {
				continue
			}
		}
		text = strings.TrimPrefix(text, " ") + "\r\n"
		verb, _, _ := strings.Cut(text, " ")
		switch verb {
		case "CONNECT", "SUB", "PUB", "HPUB", "MSG", "HMSG":
			frames = append(frames, frame{client: client, bytes: text})
		default:
			frames[len(frames)-1].bytes += text
		}
	}
	return frames
}

// The lengths that the package comment states are those of the bytes it shows.
func TestDocumentedLengths(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, f := range session(t) {
		first, rest, _ := strings.Cut(f.bytes, "\r\n")
		words := strings.Fields(first)
		if !strings.HasSuffix(words[0], "PUB") && !strings.HasSuffix(words[0], "MSG") {
			continue
		}
		checked++
		rest = strings.TrimSuffix(rest, "\r\n")
		if got := words[len(words)-1]; got != strconv.Itoa(len(rest)) {
			t.Errorf("%s: the length is %d", first, len(rest))
		}
		if words[0][0] == 'H' {
			header, _, _ := strings.Cut(rest, "\r\n\r\n")
			if got := words[len(words)-2]; got != strconv.Itoa(len(header)+4) {
				t.Errorf("%s: the length of the headers is %d", first, len(header)+4)
			}
		}
	}
	if checked < 6 {
		t.Errorf("found %d messages in the package comment, want more", checked)
	}
}

// The documented session runs against a real broker: what the comment has the
// client send arrives as it should, and what it has the server send is what
// comes, byte by byte, when Millrace's side is played by a NATS client.
func TestDocumentedSession(t *testing.T) {
	t.Parallel()
	url := broker(t)
	mill, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer mill.Close()
	arrived := make(chan *nats.Msg, 10)
	if _, err := mill.ChanSubscribe(events.Root+".*.default.>", arrived); err != nil {
		t.Fatal(err)
	}
	if err := mill.Flush(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if info, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(info, "INFO ") {
		t.Fatalf("got %q, %v", info, err)
	}
	for _, f := range session(t) {
		if f.client {
			send(t, conn, in, f)
			if strings.Contains(f.bytes, "PUB ") {
				m := next(t, arrived)
				if diff := cmp.Diff(payload(f), string(m.Data)); diff != "" {
					t.Errorf("%s arrived otherwise: %s", m.Subject, diff)
				}
			}
			continue
		}
		if strings.HasPrefix(f.bytes, "HMSG ") {
			play(t, mill, f)
		}
		got := make([]byte, len(f.bytes))
		if _, err := io.ReadFull(in, got); err != nil {
			t.Fatalf("waiting for %q, got %q: %v", f.bytes, got, err)
		}
		if diff := cmp.Diff(f.bytes, string(got)); diff != "" {
			t.Fatalf("(-documented +got)\n%s", diff)
		}
		if strings.Contains(f.bytes, "millrace.") {
			next(t, arrived)
		}
	}
}

// broker starts a broker with the stream that takes submissions.
func broker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker does not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	answer, err := nc.Request("$JS.API.STREAM.CREATE."+events.StreamIntake,
		[]byte(`{"name":"`+events.StreamIntake+`","subjects":["`+events.AllSubmit+`"],"retention":"workqueue"}`), 10*time.Second)
	if err != nil || strings.Contains(string(answer.Data), `"error"`) {
		t.Fatalf("%s %v", answer.Data, err)
	}
	return s.ClientURL()
}

// send writes a client's message and waits until the server has taken it.
func send(t *testing.T, conn net.Conn, in *bufio.Reader, f frame) {
	t.Helper()
	if _, err := io.WriteString(conn, f.bytes); err != nil {
		t.Fatal(err)
	}
	if words := strings.Fields(f.bytes); words[0] == "HPUB" && len(words[2]) > 3 {
		return // it has a reply subject, and its answer comes next
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	if pong, err := in.ReadString('\n'); err != nil || pong != "PONG\r\n" {
		t.Fatalf("after %q: got %q, %v", f.bytes, pong, err)
	}
}

// play publishes, as Millrace would, the message that a frame shows.
func play(t *testing.T, mill *nats.Conn, f frame) {
	t.Helper()
	_, rest, _ := strings.Cut(f.bytes, "\r\nNATS/1.0\r\n")
	header, _, _ := strings.Cut(rest, "\r\n\r\n")
	m := nats.NewMsg(strings.Fields(f.bytes)[1])
	for line := range strings.SplitSeq(header, "\r\n") {
		key, value, _ := strings.Cut(line, ": ")
		m.Header.Set(key, value)
	}
	m.Data = []byte(payload(f))
	if err := mill.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
}

// payload is the last line of a frame.
func payload(f frame) string {
	lines := strings.Split(strings.TrimSuffix(f.bytes, "\r\n"), "\r\n")
	return lines[len(lines)-1]
}

func next(t *testing.T, arrived <-chan *nats.Msg) *nats.Msg {
	t.Helper()
	select {
	case m := <-arrived:
		return m
	case <-time.After(10 * time.Second):
		t.Fatal("nothing arrives")
		return nil
	}
}
