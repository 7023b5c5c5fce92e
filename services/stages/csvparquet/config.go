package csvparquet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Limits of a configuration.
const (
	defaultGroupRows = 100_000
	minGroupRows     = 100
	maxGroupRows     = 10_000_000
	maxNulls         = 16
	maxNull          = 64
)

type config struct {
	Delimiter   string   `json:"delimiter"`
	Header      bool     `json:"header"`
	Columns     []column `json:"columns"`
	Null        []string `json:"null"`
	MaxBadRows  int64    `json:"max_bad_rows"`
	GroupRows   int64    `json:"row_group_rows"`
	Compression string   `json:"compression"`
}

func defaults() config {
	return config{
		Delimiter: ",", Header: true, Null: []string{""}, GroupRows: defaultGroupRows, Compression: "zstd",
	}
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if c.Delimiter == "tab" {
		c.Delimiter = "\t"
	}
	d := c.Delimiter
	if len(d) != 1 || d != "\t" && (d[0] < ' ' || d[0] > '~') || d == `"` {
		return fmt.Errorf("delimiter is not tab or one character of ASCII other than a quote")
	}
	if c.GroupRows < minGroupRows || c.GroupRows > maxGroupRows {
		return fmt.Errorf("row_group_rows is not between %d and %d", minGroupRows, maxGroupRows)
	}
	if c.MaxBadRows < 0 {
		return fmt.Errorf("max_bad_rows is negative")
	}
	if _, ok := compressions[c.Compression]; !ok {
		return fmt.Errorf("compression is none of zstd, snappy and none")
	}
	if len(c.Null) > maxNulls || slices.ContainsFunc(c.Null, func(s string) bool { return len(s) > maxNull }) {
		return fmt.Errorf("null has more than %d texts, or one of more than %d bytes", maxNulls, maxNull)
	}
	return c.checkColumns()
}

func (c *config) checkColumns() error {
	if len(c.Columns) > maxColumns {
		return fmt.Errorf("there are more than %d columns", maxColumns)
	}
	seen := map[string]bool{}
	for i := range c.Columns {
		col := &c.Columns[i]
		if col.Type == "" {
			col.Type = text
		}
		switch _, known := kinds[col.Type]; {
		case col.Name == "", len(col.Name) > maxName, !utf8.ValidString(col.Name), strings.ContainsRune(col.Name, 0):
			return fmt.Errorf("the name of column %d is not 1 to %d bytes of UTF-8", i+1, maxName)
		case seen[col.Name]:
			return fmt.Errorf("column %q is there twice", col.Name)
		case !known:
			return fmt.Errorf("column %q is of a type that is not known", col.Name)
		}
		seen[col.Name] = true
	}
	return nil
}

func (c *config) delimiter() byte { return c.Delimiter[0] }

// The endings and media types of the outputs.
const (
	tableEnding, tableType   = ".parquet", "application/vnd.apache.parquet"
	reportEnding, reportType = ".errors.jsonl", "application/jsonl"
)

// nameOf returns the name of an output: that of the file, with another ending.
func nameOf(name, ending string) string {
	for _, old := range []string{".csv", ".tsv", ".txt"} {
		stem := name[:max(0, len(name)-len(old))]
		if strings.EqualFold(name[len(stem):], old) && strings.Trim(stem, ".") != "" {
			name = stem
			break
		}
	}
	room := 255 - len(ending)
	for len(name) > room || !utf8.ValidString(name) {
		name = strings.ToValidUTF8(name[:min(len(name), room)], "")
	}
	return name + ending
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "csv-to-parquet", Version: 1, Logic: "1",
		Summary: "Makes a Parquet file of each CSV file.",
		Guarantee: "Repeated, it gives the same bytes. It goes on after the last group of rows that a checkpoint covers; " +
			"a group is at most 16 MiB of CSV and one row. What comes out is the same as without a crash. It has no effects.",
		Inputs: "CSV files in UTF-8, as RFC 4180 describes them.",
		Outputs: "For each a Parquet file, with .parquet in place of .csv, and after it, if it has bad rows, a file that ends in " +
			".errors.jsonl and names the first 1000 of them by line and column.",
		Findings: map[string]string{
			"rows":      "Rows in all outputs together.",
			"bad_rows":  "Rows of all inputs together that were left out because they are bad.",
			"bytes_in":  "Size of all inputs together.",
			"bytes_out": "Size of all Parquet files together.",
		},
		Faults: []string{
			string(fault.CsvBadEncoding), string(fault.CsvBadHeader), string(fault.CsvBadRows), string(fault.CsvRowTooLong),
			string(fault.StageBadConfig), string(fault.StageNoInput),
			string(fault.ArtifactNotFound), string(fault.ArtifactCorrupt), string(fault.ArtifactIO),
			string(fault.ArtifactDiskFull), string(fault.ArtifactTooLarge),
		},
		Config: json.RawMessage(schema),
	}
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false,
"properties": {
  "delimiter": {"type": "string", "pattern": "^([ !#-~\\t]|tab)$", "default": ",",
    "description": "What separates the fields: one character of ASCII, or tab."},
  "header": {"type": "boolean", "default": true,
    "description": "Whether the first row has the names of the columns. Without it, or where a name is empty, they are called column_1, column_2 and so on."},
  "columns": {"type": "array", "maxItems": 1000, "items": {
      "type": "object", "additionalProperties": false, "required": ["name"], "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 255},
        "type": {"type": "string", "enum": ["string", "int64", "double", "boolean", "date", "timestamp"], "default": "string"},
        "optional": {"type": "boolean", "default": false}}},
    "description": "What the columns hold, and whether values may be missing. With a header they are found by name and those not listed are text that is never missing; without one they are all columns in order."},
  "null": {"type": "array", "maxItems": 16, "items": {"type": "string", "maxLength": 64}, "default": [""],
    "description": "What stands in an optional column where a value is missing."},
  "max_bad_rows": {"type": "integer", "minimum": 0, "default": 0,
    "description": "How many rows of a file may be bad and are left out. A row is bad when it has another number of fields than the file has columns, when a value is not of its type, or when it is not CSV in UTF-8."},
  "row_group_rows": {"type": "integer", "minimum": 100, "maximum": 10000000, "default": 100000,
    "description": "How many rows are in a row group of the output, unless they are more than 16 MiB of CSV. It doubles after every 1000 groups."},
  "compression": {"type": "string", "enum": ["zstd", "snappy", "none"], "default": "zstd",
    "description": "How the values are compressed."}
}}`
