package events

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
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
// being the one that the command is meant for.
func CommandID(tenant, job string, verb Verb, revision uint64) string {
	return tenant + "/" + job + "/" + string(verb) + "/" + strconv.FormatUint(revision, 10)
}

// DeadID is the id of a dead letter: dead/<stream>/<sequence>.
func DeadID(stream string, sequence uint64) string {
	return "dead/" + stream + "/" + strconv.FormatUint(sequence, 10)
}

func reissued(id string, n int) string {
	if n == 0 {
		return id
	}
	return id + "/reissue/" + strconv.Itoa(n)
}
