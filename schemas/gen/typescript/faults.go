package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// own are the codes of faults that the client finds itself, besides all of client.
var own = []string{"auth.invalid", "fetch.changed", "http.bad_request", "http.digest_mismatch", "pipeline.not_found", "upload.gone", "upload.interrupted"}

// faultsTS returns all codes as a type, and faults_gen.ts: what is said of the client's own.
func faultsTS(schemas fs.FS) (codes, table string, err error) {
	data, err := fs.ReadFile(schemas, "faults.json")
	if err != nil {
		return "", "", err
	}
	var faults []struct {
		Code, Class, Text, Hint string
		Status                  int
	}
	if err := json.Unmarshal(data, &faults); err != nil {
		return "", "", fmt.Errorf("faults.json: %w", err)
	}
	var c, o, t strings.Builder
	found := 0
	for _, f := range faults {
		fmt.Fprintf(&c, "\n\t| %s", quote(f.Code))
		if !strings.HasPrefix(f.Code, "client.") {
			if !slices.Contains(own, f.Code) {
				continue
			}
			found++
		}
		fmt.Fprintf(&o, "\n\t| %s", quote(f.Code))
		fmt.Fprintf(&t, "\t%s: { class: %s, status: %d, title: %s, hint: %s },\n",
			quote(f.Code), quote(f.Class), f.Status, quote(f.Text), quote(f.Hint))
	}
	if found != len(own) {
		return "", "", fmt.Errorf("faults.json: %d of the client's own codes are not there", len(own)-found)
	}
	codes = "/** FaultCode is a code of the registry of faults, schemas/FAULTS.md. */\nexport type FaultCode =" + c.String() + "\n"
	table = "/** OwnCode is the code of a fault that the client finds itself. */\nexport type OwnCode =" + o.String() + "\n\n" +
		"/** OwnFault is what is said of one. */\n" +
		"export interface OwnFault { class: string; status: number; title: string; hint: string }\n\n" +
		"/** ownFaults are the faults that the client finds itself. */\n" +
		"export const ownFaults: { readonly [code in OwnCode]: OwnFault } = {\n" + t.String() + "}\n"
	return codes, table, nil
}
