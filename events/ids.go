package events

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// JobID is the id of the job that an idempotency key stands for: the first 16
// bytes of SHA-256 over tenant, a zero byte and key, in lower-case base32 without
// padding. The key needs no table, and is remembered as long as the job.
func JobID(tenant, key string) string {
	sum := sha256.Sum256([]byte(tenant + "\x00" + key))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// EffectID is the idempotency key that the call for an effect carries: 26 letters
// and digits, made like a job's id, of the tenant, the job, the step and the
// stage's name for the effect. It is the same in every attempt.
func EffectID(tenant, job, step, key string) string {
	return JobID(tenant, job+"\x00"+step+"\x00"+key)
}

// Message ids. Each names its tenant and its purpose, because the duplicate
// window of a stream is one for all of its subjects.

// RecordID is the id of a record: <tenant>/<job>/<revision>.
func RecordID(tenant, job string, revision uint64) string {
	return tenant + "/" + job + "/" + strconv.FormatUint(revision, 10)
}

// WorkID is the id of a work message: <tenant>/<job>/<step>/<attempt>. A
// reissue counts from 1 and makes another id, or the duplicate window would
// swallow the repair.
func WorkID(tenant, job, step string, attempt, reissue int) string {
	return reissued(tenant+"/"+job+"/"+step+"/"+strconv.Itoa(attempt), reissue)
}

// UndoID is the id of an undo message: <tenant>/<job>/<step>/undo/<attempt>.
func UndoID(tenant, job, step string, attempt, reissue int) string {
	return reissued(tenant+"/"+job+"/"+step+"/undo/"+strconv.Itoa(attempt), reissue)
}

// TimerID is the id of a timer: <tenant>/<job>/<step>/timer/<attempt>.
func TimerID(tenant, job, step string, attempt, reissue int) string {
	return reissued(tenant+"/"+job+"/"+step+"/timer/"+strconv.Itoa(attempt), reissue)
}

// OutcomeID is the id of an answer: <tenant>/<job>/<step>/<attempt>/<verdict>,
// with undo/ before the attempt when it answers an undo.
func OutcomeID(tenant, job, step string, undo bool, attempt int, verdict Verdict) string {
	mid := "/"
	if undo {
		mid = "/undo/"
	}
	return tenant + "/" + job + "/" + step + mid + strconv.Itoa(attempt) + "/" + string(verdict)
}

// CommandID is the id of a command: <tenant>/<job>/<verb>/<revision>, the revision
// being the one that the command is meant for, and behind it the step, the word on
// effects and the decision when the command has them.
func CommandID(tenant, job string, cmd Command, revision uint64) string {
	id := tenant + "/" + job + "/" + string(cmd.Verb) + "/" + strconv.FormatUint(revision, 10)
	for _, part := range []string{cmd.Step, string(cmd.Effect), cmd.Decision} {
		if part != "" {
			id += "/" + part
		}
	}
	return id
}

// OperationCommandID is the id of the command of a bulk operation to a job:
// <tenant>/<job>/operation/<operation>. An operation asks a job once.
func OperationCommandID(tenant, operation, job string) string {
	return tenant + "/" + job + "/operation/" + operation
}

// DeadID is the id of a dead letter: dead/<stream>/<sequence>.
func DeadID(stream string, sequence uint64) string {
	return "dead/" + stream + "/" + strconv.FormatUint(sequence, 10)
}

// LetterID is the id of the message that holds a dead letter: the letter's own, and
// when the stream had stored what it is about. A stream that was made again counts
// from 1 again; the time tells its messages from those of the one before.
func LetterID(stream string, sequence uint64, stored time.Time) string {
	return DeadID(stream, sequence) + "/" + strconv.FormatInt(stored.UnixNano(), 36)
}

// LetterStored returns the time in the id of a message that holds a dead letter.
func LetterStored(id string) (stored time.Time, ok bool) {
	i := strings.LastIndexByte(id, '/')
	nanos, err := strconv.ParseInt(id[i+1:], 36, 64)
	return time.Unix(0, nanos).UTC(), err == nil && strings.HasPrefix(id, "dead/")
}

// RedriveID is the id of the message that is published again from a dead letter:
// redrive/<sequence of the letter>/<when it was stored>/<digest of the payload>. The
// same payload from the same letter has the same id, whoever publishes it.
func RedriveID(sequence uint64, stored time.Time, data []byte) string {
	sum := sha256.Sum256(data)
	return "redrive/" + strconv.FormatUint(sequence, 10) + "/" +
		strconv.FormatInt(stored.UnixNano(), 36) + "/" + hex.EncodeToString(sum[:8])
}

// Place is where a message stands in its stream, and since when:
// <sequence>/<Unix time in nanoseconds>.
func Place(sequence uint64, stored time.Time) string {
	return strconv.FormatUint(sequence, 10) + "/" + strconv.FormatInt(stored.UnixNano(), 10)
}

func reissued(id string, n int) string {
	if n == 0 {
		return id
	}
	return id + "/reissue/" + strconv.Itoa(n)
}

// CommandMark is how a job remembers the message of a command, by the message's id,
// so that it is not carried out again when it comes again: its ack may be lost with
// the broker. A message without an id, whose mark is empty, cannot be known again.
func CommandMark(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}
