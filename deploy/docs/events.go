package main

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// asyncapi is the document of the door for NATS clients.
const asyncapi = "schemas/asyncapi.yaml"

// writeEvents describes what happens to jobs, the subjects, and every message.
func writeEvents(root fs.FS, t *text) error {
	t.say("What happens to jobs, where it is heard of, and what each message has. From the machine's list of types, "+
		"[the AsyncAPI document](../../../%s) and [the schemas](../../../schemas). How a session with a plain NATS client "+
		"looks is told in [the package comment of events](../../../events/doc.go), and which move leads to which type in "+
		"[the drawings of the machines](../../../pkg/flow/MACHINES.md).", asyncapi)
	writeTypes(t)
	doc, err := open(root, asyncapi)
	if err != nil {
		return err
	}
	writeChannels(t, doc)
	writeHeaders(t, doc)
	return writeMessages(root, t)
}

// writeTypes lists the types of records.
func writeTypes(t *text) {
	t.heading(2, "Types of records")
	t.say("Each move of a job is one [Record](#record). Its `type` is one of these, also in the header `ce-type` as "+
		"`dev.millrace.TYPE.v1`, in a [Notification](#notification) and in the filters of webhooks and of `millrace events`. "+
		"It is published to %s and, once the stream has taken it, to %s. A record that takes the job to another state has the kind `job`.",
		quote(events.EventSubject("TENANT", "PIPELINE", "JOB", "KIND")), quote(events.LiveSubject("TENANT", "JOB", "KIND")))
	var rows [][]string
	for _, e := range flow.EventTypes() {
		kind := quote(e.Kind)
		if kind == "" {
			kind = "part of another record"
		}
		rows = append(rows, []string{quote(e.Name), kind, plain(e.Text)})
	}
	t.table([]string{"type", "kind", "when"}, rows)
}

// writeChannels lists the subjects that are for everybody.
func writeChannels(t *text, doc node) {
	t.heading(2, "Subjects")
	var rows [][]string
	for _, c := range doc.at("channels").entries() {
		var messages []string
		for name := range c.at("messages").entries() {
			messages = append(messages, payload(doc, name))
		}
		subject := quote(c.at("address").text())
		if subject == "" {
			subject = "the one in `Millrace-Reply-To`"
		}
		rows = append(rows, []string{subject, strings.Join(messages, ", "), plain(c.at("description").text())})
	}
	t.table([]string{"subject", "message", "what it is for"}, rows)
	rows = nil
	for name, p := range doc.at("components", "parameters").entries() {
		rows = append(rows, []string{quote("{" + name + "}"), plain(p.at("description").text())})
	}
	t.table([]string{"part of a subject", "meaning"}, rows)
}

// payload links a message to what it carries.
func payload(doc node, message string) string {
	file := doc.at("components", "messages", message, "payload", "schema", "$ref").text()
	name := strings.TrimSuffix(strings.TrimPrefix(file, "./"), ".v1.json")
	return fmt.Sprintf("[%s](#%s)", message, anchor(strings.ReplaceAll(name, "_", "")))
}

// writeHeaders lists the headers of messages.
func writeHeaders(t *text, doc node) {
	t.heading(2, "Headers")
	s := shape{doc: doc}
	var rows [][]string
	for set, of := range doc.at("components", "schemas").entries() {
		parts := append(of.at("allOf").items(), of)
		for _, part := range parts {
			for name, h := range part.at("properties").entries() {
				meaning := plain(h.at("description").text())
				if part.at("required").has(name) {
					meaning = strings.TrimSpace("Always there. " + meaning)
				}
				rows = append(rows, []string{strings.TrimSuffix(set, "Headers"), quote(name), s.kind(h, h), meaning})
			}
		}
	}
	t.say("Of submissions (`Submit`), answers, records, live records (which have those of records too), dead letters, and all others (`Plain`).")
	t.table([]string{"of", "header", "value", "meaning"}, rows)
}
