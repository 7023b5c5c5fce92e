// Command openapi writes the OpenAPI document of the gateway's routes into the schemas
// folder, where it is run by go generate.
package main

import (
	"log"
	"os"

	"github.com/millrace/millrace/services/gateway"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("openapi: ")
	data, err := gateway.OpenAPI()
	if err == nil {
		err = os.WriteFile("openapi.yaml", data, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
