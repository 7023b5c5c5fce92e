package events

import "strings"

// Headers of a message. Events use the binary mode of CloudEvents 1.0; a header
// carries one value, always.
const (
	HeaderMsgID       = "Nats-Msg-Id"
	HeaderContentType = "Content-Type"
	HeaderTraceparent = "traceparent"

	HeaderCESpecVersion = "ce-specversion"
	HeaderCEID          = "ce-id"
	HeaderCEType        = "ce-type"
	HeaderCESource      = "ce-source"
	HeaderCESubject     = "ce-subject"
	HeaderCETime        = "ce-time"
	HeaderCEDataSchema  = "ce-dataschema"

	// HeaderReplyTo names the subject that gets a receipt or a problem.
	HeaderReplyTo = "Millrace-Reply-To"
	// HeaderBy is who submits, for the audit.
	HeaderBy = "Millrace-By"
	// HeaderTx is the id of the write that made a record: a writer that lost
	// the answer finds its own id in the last record and knows it succeeded.
	HeaderTx = "Millrace-Tx"
	// HeaderState is the job's state after a record, for readers that fetch
	// headers only.
	HeaderState = "Millrace-State"
	// HeaderRevision is the job's revision after a record.
	HeaderRevision = "Millrace-Revision"
	// HeaderCause is what has made the job enter the state that is a record's type:
	// undo.failed. A record that has another type has none.
	HeaderCause = "Millrace-Cause"
	// HeaderCode is the fault of a dead letter, for readers that fetch headers
	// only.
	HeaderCode = "Millrace-Code"
	// HeaderPlace is where a submission without a key stood in the intake when it
	// came for the first time: <sequence>/<Unix time in nanoseconds>. It is on what
	// is submitted again from a dead letter, and stands for the key.
	HeaderPlace = "Millrace-Place"
)

// Values of envelope headers.
const (
	ContentTypeJSON    = "application/json"
	ContentTypeProblem = "application/problem+json"
	SpecVersion        = "1.0"
	CESource           = "/millrace"
	typePrefix         = "dev.millrace."
	typeSuffix         = ".v1"
)

// CEType is the CloudEvents type of an event name: dev.millrace.<name>.v1.
func CEType(name string) string { return typePrefix + name + typeSuffix }

// RecordType is the event name in a CloudEvents type: the inverse of [CEType]. It is
// empty for a type of others.
func RecordType(ceType string) string {
	name, ok := strings.CutPrefix(ceType, typePrefix)
	name, ours := strings.CutSuffix(name, typeSuffix)
	if !ok || !ours {
		return ""
	}
	return name
}

// DataSchema is the address of the schema of a payload:
// https://millrace.dev/schemas/<name>.v1.json.
func DataSchema(name string) string { return "https://millrace.dev/schemas/" + name + ".v1.json" }
