// Command millrace runs durable file-processing pipelines and is the tool to use
// them: see millrace --help.
package main

import (
	"os"

	"github.com/millrace/millrace/services/millrace/cli"
)

func main() { os.Exit(cli.Main()) }
