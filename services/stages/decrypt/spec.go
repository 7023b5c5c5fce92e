package decrypt

import (
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

func spec() stage.Spec {
	return stage.Spec{
		Name: "decrypt", Version: 1, Logic: "1",
		Summary: "Decrypts files that were encrypted for the mill.",
		Guarantee: "An attempt that dies is continued within the file: at most one checkpoint interval is " +
			"decrypted again. Repeated, it gives the same bytes. Nothing is handed on of a file that was " +
			"changed. It has no effects.",
		Inputs:  "Files that encrypt has made, for a recipient whose age identity the mill has.",
		Outputs: "The content of each, with the name and the media type that it had.",
		Findings: map[string]string{
			"bytes_in":  "Size of all inputs together.",
			"bytes_out": "Size of all outputs together.",
		},
		Faults: []string{
			string(fault.CryptNotSealed), string(fault.CryptTruncated), string(fault.CryptCorrupt),
			string(fault.CryptNoIdentity), string(fault.StageBadConfig), string(fault.StageNoInput),
			string(fault.ArtifactNotFound), string(fault.ArtifactCorrupt), string(fault.ArtifactIO),
			string(fault.ArtifactDiskFull), string(fault.CheckpointOvertaken),
			string(fault.CheckpointUnexpected), string(fault.JobCancelled),
		},
	}
}
