package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// What is committed is what the schemas say. After a change of theirs, run
// go generate ./schemas.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	files, err := generate(os.DirFS(filepath.Join(root, "schemas")))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Fatalf("got %d files, want 3", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is not current, run go generate ./schemas", name)
		}
	}
}

const sample = `
components:
  schemas:
    Mood: { enum: [good, bad], type: string }
    Pet:
      description: Pet is a sample with "quotes" and */ in it.
      properties:
        born_at: { description: BornAt is when., format: date-time, type: string }
        friends: { items: { $ref: "#/components/schemas/Pet" }, type: [array, "null"] }
        kind: { enum: [cat, dog], type: string }
        moods: { items: { enum: [good, bad], type: string }, type: array }
        note: { description: Anything. }
        tags: { additionalProperties: { type: integer }, type: object }
        x-y: { type: boolean }
      required: [kind]
      type: object
paths:
  /pets:
    post:
      operationId: addPets
      parameters:
        - { in: header, name: If-Match, schema: { type: string } }
        - { in: query, name: state, description: States., schema: { items: { type: string }, type: array } }
      requestBody:
        content:
          application/json:
            schema: { properties: { pet: { $ref: "#/components/schemas/Pet" } }, required: [pet], type: object }
`

const wanted = `/** Pet is a sample with "quotes" and * / in it. */
export interface Pet {
	/** born_at is when. */
	born_at?: string
	friends?: Pet[] | null
	kind: Kind
	moods?: ('good' | 'bad')[]
	/** Anything. */
	note?: unknown
	tags?: { [name: string]: number }
	'x-y'?: boolean
}

/** Progress is how far. */
export interface Progress {
	job?: string
	kind?: Kind
}

/** AddPetsQuery is what can be asked of POST /pets. */
export interface AddPetsQuery {
	/** States. */
	state?: string[]
}

/** AddPetsBody is the body of POST /pets. */
export interface AddPetsBody {
	pet: Pet
}

/** Kind is which. */
export type Kind =
	| 'cat'
	| 'dog'
`

// registry is a folder of schemas with a document of the API.
func registry(document string) fstest.MapFS {
	return fstest.MapFS{
		"openapi.yaml":         {Data: []byte(document)},
		"notification.v1.json": {Data: []byte(`{}`)},
		"names.v1.json":        {Data: []byte(`{"$defs": {"token": {"type": "string"}}}`)},
		"kind.v1.json":         {Data: []byte(`{"$defs": {"Kind": {"description": "Kind is which.", "enum": ["cat", "dog"]}}}`)},
		"progress.v1.json": {Data: []byte(`{"title": "Progress", "description": "Progress is how far.", "properties": {
			"job": {"$ref": "names.v1.json#/$defs/token"}, "kind": {"$ref": "kind.v1.json#/$defs/Kind"}}}`)},
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	got, err := apiTS(registry(sample))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("shapes (-want +got)\n%s", diff)
	}
	_, err = apiTS(registry(strings.Replace(sample, "schemas/Pet\" }, type: [", "schemas/Pets\" }, type: [", 1)))
	if err == nil || err.Error() != "Pet refers to Pets, which is not declared" {
		t.Errorf("a reference to nothing: %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	list := `{"code":"x.y","text":"is left to the server"},{"code":"client.gone","class":"bug","status":500,"text":"it's gone","hint":"Look."}`
	for _, code := range own {
		list += `,{"code":"` + code + `"}`
	}
	codes, table, err := faultsTS(fstest.MapFS{"faults.json": {Data: []byte("[" + list + "]")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"export type FaultCode =\n\t| 'x.y'\n\t| 'client.gone'\n",
		"\t'client.gone': { class: 'bug', status: 500, title: \"it's gone\", hint: 'Look.' },\n",
	} {
		if !strings.Contains(codes+table, want) {
			t.Errorf("%q is not in\n%s%s", want, codes, table)
		}
	}
	if strings.Contains(table, "left to the server") {
		t.Errorf("a fault of servers is in the client:\n%s", table)
	}
	if _, _, err := faultsTS(fstest.MapFS{"faults.json": {Data: []byte("[]")}}); err == nil {
		t.Error("the client's own codes are missing, and nobody says so")
	}
}
